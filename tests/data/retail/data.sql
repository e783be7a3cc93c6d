-- Deterministic rows from hash(); the numbers mean nothing.
INSERT INTO day
SELECT i, d, year(d), quarter(d), month(d), week(d), dayname(d), hash(i) % 20 = 0
FROM (SELECT i::INTEGER AS i, DATE '2021-01-01' + i::INTEGER AS d FROM range(1096) AS r(i));
INSERT INTO shop
SELECT i, 'Shop ' || i, ['Hohhot', 'Baotou', 'Ordos', 'Chifeng'][1 + i % 4], ['north', 'south'][1 + i % 2],
       200 + (hash(i) % 2000)::INTEGER, DATE '2015-01-01' + (i * 37)::INTEGER,
       CASE WHEN i % 5 = 0 THEN DATE '2022-06-30' + i::INTEGER END
FROM range(1, 13) AS r(i);
INSERT INTO product
SELECT i, printf('P%04d', i), ['Blue', 'Grand', 'Old', 'New'][1 + i % 4] || ' ' || ['lamp', 'chair', 'coat', 'book', 'tea'][1 + i % 5],
       ['Home', 'Wear', 'Books', 'Food'][1 + i % 4], 'class ' || (i % 7), 'brand ' || (hash(i) % 9),
       CASE WHEN i % 11 > 0 THEN ['red', 'blue', 'green', 'white'][1 + (hash(i) % 4)::INTEGER] END,
       5 + (hash(i, 1) % 9000)::DECIMAL(10, 2) / 100, 2 + (hash(i, 2) % 4000)::DECIMAL(10, 2) / 100,
       TIMESTAMP '2019-03-01 08:30:00' + INTERVAL (i * 7) HOUR
FROM range(1, 121) AS r(i);
INSERT INTO customer
SELECT i, ['Anna', 'Bat', 'Chen', 'Dulma', 'Erdene'][1 + i % 5], 'Family' || (hash(i) % 40), DATE '1950-01-01' + (hash(i, 3) % 20000)::INTEGER,
       ['Hohhot', 'Baotou', 'Ordos', 'Tongliao', 'Ulanqab'][1 + (hash(i, 4) % 5)::INTEGER], CASE WHEN i % 13 = 0 THEN NULL ELSE 'CN' END,
       CASE WHEN i % 4 > 0 THEN 'c' || i || '@example.org' END, (hash(i, 5) % 6)::INTEGER, 20000 + (hash(i, 6) % 90000), i % 3 = 0
FROM range(1, 401) AS r(i);
INSERT INTO shop_sale
SELECT (hash(i) % 1096)::INTEGER, 1 + (hash(i, 1) % 12)::INTEGER, 1 + (hash(i, 2) % 120)::INTEGER,
       CASE WHEN i % 50 > 0 THEN 1 + (hash(i, 3) % 380)::INTEGER END, (i // 3)::INTEGER, 1 + (hash(i, 4) % 9)::INTEGER,
       5 + (hash(i, 5) % 9000)::DECIMAL(10, 2) / 100, (hash(i, 6) % 300)::DECIMAL(10, 2) / 100,
       10 + (hash(i, 7) % 40000)::DECIMAL(10, 2) / 100, (hash(i, 8) % 100) / 100.0
FROM range(6000) AS r(i);
INSERT INTO web_sale
SELECT (hash(i, 9) % 1090)::INTEGER, (hash(i, 9) % 1090)::INTEGER + (hash(i, 10) % 6)::INTEGER, 1 + (hash(i, 11) % 120)::INTEGER,
       1 + (hash(i, 12) % 400)::INTEGER, 1 + (hash(i, 13) % 400)::INTEGER, i // 2, 1 + (hash(i, 14) % 4)::INTEGER,
       5 + (hash(i, 15) % 9000)::DECIMAL(10, 2) / 100, 10 + (hash(i, 16) % 30000)::DECIMAL(10, 2) / 100,
       TIMESTAMP '2021-01-01 00:00:00' + INTERVAL (hash(i, 17) % 94000000) SECOND, ['a.example', 'b.example', 'c.example'][1 + (i % 3)]
FROM range(3000) AS r(i);
INSERT INTO giveback
SELECT least(day_key + (hash(ticket) % 30)::INTEGER, 1095), product_key, customer_key, ticket, 1 + (hash(ticket, 1) % quantity)::INTEGER,
       round(paid / 2, 2), ['broken', 'late', 'other'][1 + (hash(ticket, 2) % 3)::INTEGER]
FROM shop_sale WHERE hash(ticket, 3) % 9 = 0;
INSERT INTO stock
SELECT d * 30, 1 + (hash(d, p) % 120)::INTEGER, 1 + p % 12, (hash(d, p, 2) % 500)::INTEGER
FROM range(36) AS a(d), range(20) AS b(p);
