CREATE TABLE day(day_key INTEGER PRIMARY KEY, on_date DATE NOT NULL, year INTEGER, quarter INTEGER, month INTEGER,
                 week INTEGER, weekday VARCHAR, holiday BOOLEAN);
CREATE TABLE shop(shop_key INTEGER PRIMARY KEY, shop_name VARCHAR, city VARCHAR, league VARCHAR, floor_space INTEGER,
                  opened DATE, closed DATE);
CREATE TABLE product(product_key INTEGER PRIMARY KEY, code VARCHAR, title VARCHAR, category VARCHAR, class VARCHAR,
                     brand VARCHAR, color VARCHAR, price DECIMAL(8,2), cost DECIMAL(8,2), since TIMESTAMP);
CREATE TABLE customer(customer_key INTEGER PRIMARY KEY, first_name VARCHAR, last_name VARCHAR, born DATE,
                      city VARCHAR, country VARCHAR, email VARCHAR, household INTEGER, income DOUBLE, club BOOLEAN);
CREATE TABLE shop_sale(day_key INTEGER, shop_key INTEGER, product_key INTEGER, customer_key INTEGER, ticket INTEGER,
                       quantity INTEGER, unit_price DECIMAL(8,2), discount DECIMAL(8,2), paid DECIMAL(10,2),
                       tax DOUBLE);
CREATE TABLE web_sale(day_key INTEGER, ship_day_key INTEGER, product_key INTEGER, customer_key INTEGER,
                      receiver_key INTEGER, orders BIGINT, quantity INTEGER, unit_price DECIMAL(8,2),
                      paid DECIMAL(10,2), sold_at TIMESTAMP, site VARCHAR);
CREATE TABLE giveback(day_key INTEGER, product_key INTEGER, customer_key INTEGER, ticket INTEGER, quantity INTEGER,
                      refund DECIMAL(10,2), reason VARCHAR);
CREATE TABLE stock(day_key INTEGER, product_key INTEGER, shop_key INTEGER, pieces INTEGER);
