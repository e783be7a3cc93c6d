-- name: ten common tables
WITH d AS (SELECT day_key, year, month FROM day WHERE year IN (2021, 2022)),
     s AS (SELECT d.year, d.month, product_key, sum(paid) AS paid FROM shop_sale JOIN d USING (day_key) GROUP BY ALL),
     w AS (SELECT d.year, d.month, product_key, sum(paid) AS paid FROM web_sale JOIN d USING (day_key) GROUP BY ALL),
     b AS (SELECT d.year, d.month, product_key, sum(refund) AS refund FROM giveback JOIN d USING (day_key) GROUP BY ALL),
     u AS (SELECT 'shop' AS channel, * FROM s UNION ALL SELECT 'web', * FROM w),
     p AS (SELECT product_key, category, brand FROM product),
     c AS (SELECT channel, year, category, sum(paid) AS paid FROM u JOIN p USING (product_key) GROUP BY 1, 2, 3),
     r AS (SELECT year, category, sum(refund) AS refund FROM b JOIN p USING (product_key) GROUP BY 1, 2),
     m AS (SELECT c.*, r.refund FROM c LEFT JOIN r ON c.year = r.year AND c.category = r.category),
     t AS (SELECT year, sum(paid) AS all_paid FROM m GROUP BY year)
SELECT m.channel, m.year, m.category, m.paid, coalesce(m.refund, 0) AS refund, m.paid / t.all_paid AS share
FROM m JOIN t ON t.year = m.year ORDER BY ALL

-- name: rollup with grouping and a rank inside each parent
SELECT sum(paid - quantity * cost) / sum(paid) AS margin, category, class,
       grouping(category) + grouping(class) AS level,
       rank() OVER (PARTITION BY grouping(category) + grouping(class), CASE WHEN grouping(class) = 0 THEN category END
                    ORDER BY sum(paid - quantity * cost) / sum(paid)) AS place
FROM shop_sale s, product p, day d
WHERE s.product_key = p.product_key AND d.day_key = s.day_key AND d.year = 2022
GROUP BY ROLLUP (category, class)
ORDER BY level DESC, CASE WHEN level = 0 THEN category END, place, class

-- name: rollup over a union of channels
SELECT channel, id, sum(sales) AS sales, sum(returns) AS returns, sum(profit) AS profit
FROM (SELECT 'shop' AS channel, 'S' || shop_key AS id, paid AS sales, 0 AS returns, paid - tax AS profit FROM shop_sale
      UNION ALL
      SELECT 'web', site, paid, 0, paid * 0.9 FROM web_sale
      UNION ALL
      SELECT 'returns', reason, 0, refund, -refund FROM giveback) AS x
GROUP BY ROLLUP (channel, id) ORDER BY channel NULLS FIRST, id NULLS FIRST LIMIT 100

-- name: cube and grouping sets
SELECT league, city, grouping_id(league, city) AS g, count(*) AS n FROM shop GROUP BY CUBE (league, city)
UNION ALL
SELECT league, city, -1, sum(floor_space) FROM shop GROUP BY GROUPING SETS ((league, city), (league), ())

-- name: groups beside a rollup
SELECT d.year, p.category, p.class, avg(s.quantity) AS q, count(DISTINCT s.customer_key) AS buyers
FROM shop_sale s JOIN day d USING (day_key) JOIN product p USING (product_key)
GROUP BY d.year, ROLLUP (p.category, p.class) HAVING count(*) > 3

-- name: in both channels and in neither
SELECT count(*) FROM (
  SELECT DISTINCT last_name, first_name, on_date FROM shop_sale s, day d, customer c
  WHERE s.day_key = d.day_key AND s.customer_key = c.customer_key AND year = 2021
  INTERSECT
  SELECT DISTINCT last_name, first_name, on_date FROM web_sale w, day d, customer c
  WHERE w.day_key = d.day_key AND w.customer_key = c.customer_key AND year = 2021) AS both_channels

-- name: except
SELECT customer_key FROM customer EXCEPT SELECT customer_key FROM shop_sale ORDER BY customer_key

-- name: except all and intersect all
(SELECT city FROM customer EXCEPT ALL SELECT city FROM shop) INTERSECT ALL SELECT city FROM customer WHERE club

-- name: nested set operations with limits of their own
(SELECT title, price FROM product ORDER BY price DESC, title, product_key LIMIT 5)
UNION ALL
(SELECT title, price FROM product ORDER BY price, title, product_key LIMIT 5)
ORDER BY 2 DESC, 1

-- name: returners above the average of their shop
WITH total AS (SELECT g.customer_key, s.shop_key, sum(g.refund) AS refund
               FROM giveback g JOIN shop_sale s ON s.ticket = g.ticket AND s.product_key = g.product_key
               GROUP BY 1, 2)
SELECT c.email, t.refund FROM total t, shop h, customer c
WHERE t.refund > (SELECT avg(t2.refund) * 1.2 FROM total t2 WHERE t2.shop_key = t.shop_key)
  AND h.shop_key = t.shop_key AND h.league = 'north' AND c.customer_key = t.customer_key
ORDER BY c.email, t.refund LIMIT 100

-- name: scalar subquery from a table of one value
WITH average AS (SELECT avg(quantity * unit_price) AS a FROM (SELECT quantity, unit_price FROM shop_sale
                                                             UNION ALL SELECT quantity, unit_price FROM web_sale) x)
SELECT category, sum(quantity * unit_price) AS sales, count(*) AS n
FROM shop_sale JOIN product USING (product_key)
GROUP BY category HAVING sum(quantity * unit_price) > (SELECT a FROM average) ORDER BY category

-- name: scalar subquery of distinct values
SELECT d.on_date, count(*) AS n FROM shop_sale s JOIN day d USING (day_key)
WHERE d.year * 12 + d.month BETWEEN (SELECT DISTINCT year * 12 + month + 1 FROM day WHERE year = 2021 AND month = 3)
                                AND (SELECT DISTINCT year * 12 + month + 3 FROM day WHERE year = 2021 AND month = 3)
GROUP BY d.on_date ORDER BY d.on_date

-- name: scalar subquery in the select list
SELECT p.code, (SELECT count(*) FROM web_sale w WHERE w.product_key = p.product_key) AS web,
       (SELECT max(s.paid) FROM shop_sale s WHERE s.product_key = p.product_key AND s.quantity > 5) AS top
FROM product p WHERE p.price > (SELECT avg(price) FROM product) ORDER BY p.code

-- name: count in a condition of ors
SELECT DISTINCT (p1.title) FROM product p1
WHERE p1.product_key BETWEEN 10 AND 10 + 60
  AND (SELECT count(*) FROM product
       WHERE (category = p1.category AND ((color = 'red' AND class IN ('class 1', 'class 2'))
                                          OR (color = 'blue' AND (class = 'class 3' OR class = 'class 4'))))
          OR (category = p1.category AND color = 'green')) > 0
ORDER BY p1.title

-- name: exists and not exists
SELECT c.city, count(*) AS n FROM customer c
WHERE EXISTS (SELECT * FROM shop_sale s, day d WHERE c.customer_key = s.customer_key AND s.day_key = d.day_key
                AND d.year = 2022)
  AND NOT EXISTS (SELECT 1 FROM web_sale w WHERE w.customer_key = c.customer_key AND w.quantity = 4)
GROUP BY c.city ORDER BY c.city

-- name: one of two exists
SELECT c.club, avg(c.income) AS income, count(*) AS n FROM customer c
WHERE EXISTS (SELECT 1 FROM web_sale w WHERE w.customer_key = c.customer_key AND w.paid > 250)
   OR EXISTS (SELECT 1 FROM giveback g WHERE g.customer_key = c.customer_key AND g.reason = 'late')
GROUP BY c.club

-- name: orders shipped from one site only
SELECT count(DISTINCT w.orders) AS orders, sum(w.paid) AS paid FROM web_sale w
WHERE EXISTS (SELECT 1 FROM web_sale w2 WHERE w2.orders = w.orders AND w2.product_key <> w.product_key)
  AND NOT EXISTS (SELECT 1 FROM web_sale w3 WHERE w3.orders = w.orders AND w3.quantity > 3)

-- name: case pivot by weekday
SELECT shop_name, h.shop_key,
       sum(CASE WHEN weekday = 'Sunday' THEN paid ELSE NULL END) AS sun,
       sum(CASE WHEN weekday = 'Monday' THEN paid ELSE NULL END) AS mon,
       sum(CASE WHEN weekday = 'Tuesday' THEN paid ELSE NULL END) AS tue,
       sum(CASE WHEN weekday = 'Wednesday' THEN paid ELSE NULL END) AS wed,
       sum(CASE WHEN weekday = 'Thursday' THEN paid ELSE NULL END) AS thu,
       sum(CASE WHEN weekday = 'Friday' THEN paid ELSE NULL END) AS fri,
       sum(CASE WHEN weekday = 'Saturday' THEN paid ELSE NULL END) AS sat
FROM day d, shop_sale s, shop h WHERE d.day_key = s.day_key AND s.shop_key = h.shop_key AND year = 2021
GROUP BY shop_name, h.shop_key ORDER BY 1, 2

-- name: filter pivot by quarter
SELECT category, sum(paid) FILTER (WHERE quarter = 1) AS q1, sum(paid) FILTER (WHERE quarter = 2) AS q2,
       count(*) FILTER (quarter = 3) AS n3, avg(quantity) FILTER (WHERE quarter = 4 AND NOT holiday) AS q4
FROM shop_sale NATURAL JOIN day JOIN product USING (product_key) GROUP BY category

-- name: year over year
WITH yearly AS (SELECT p.brand, d.year, sum(s.quantity) AS pieces, sum(s.paid) AS paid
                FROM shop_sale s JOIN day d ON s.day_key = d.day_key JOIN product p ON p.product_key = s.product_key
                GROUP BY p.brand, d.year)
SELECT a.brand, a.year, a.pieces, b.pieces AS before, a.pieces - b.pieces AS more,
       round(100.0 * (a.paid - b.paid) / nullif(b.paid, 0), 2) AS percent
FROM yearly a LEFT JOIN yearly b ON a.brand = b.brand AND a.year = b.year + 1
ORDER BY a.brand, a.year

-- name: year over year of both channels
WITH t AS (SELECT customer_key, year, sum(paid) AS total, 's' AS kind FROM shop_sale JOIN day USING (day_key) GROUP BY 1, 2
           UNION ALL
           SELECT customer_key, year, sum(paid), 'w' FROM web_sale JOIN day USING (day_key) GROUP BY 1, 2)
SELECT s2.customer_key, c.first_name FROM t s1, t s2, t w1, t w2, customer c
WHERE s1.customer_key = s2.customer_key AND s1.customer_key = w1.customer_key AND s1.customer_key = w2.customer_key
  AND c.customer_key = s1.customer_key AND s1.kind = 's' AND s2.kind = 's' AND w1.kind = 'w' AND w2.kind = 'w'
  AND s1.year = 2021 AND s2.year = 2022 AND w1.year = 2021 AND w2.year = 2022 AND s1.total > 0 AND w1.total > 0
  AND CASE WHEN w1.total > 0 THEN w2.total / w1.total ELSE NULL END
      > CASE WHEN s1.total > 0 THEN s2.total / s1.total ELSE NULL END
ORDER BY 1

-- name: self join of sales
SELECT a.product_key, b.product_key AS other, count(*) AS together
FROM shop_sale a JOIN shop_sale b ON a.ticket = b.ticket AND a.product_key < b.product_key
GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY together DESC, 1, 2 LIMIT 20

-- name: three occurrences of one dimension
SELECT sold.year AS sold_in, shipped.month AS shipped_in, count(*) AS n, avg(shipped.on_date - sold.on_date) AS days
FROM web_sale w JOIN day sold ON w.day_key = sold.day_key JOIN day shipped ON w.ship_day_key = shipped.day_key
LEFT JOIN day later ON later.day_key = w.ship_day_key + 1
WHERE shipped.on_date > sold.on_date + 2 GROUP BY 1, 2 ORDER BY 1, 2

-- name: delivery in bands
SELECT substr(h.shop_name, 1, 6) AS shop,
       sum(CASE WHEN g.day_key - s.day_key <= 5 THEN 1 ELSE 0 END) AS "5 days",
       sum(CASE WHEN g.day_key - s.day_key > 5 AND g.day_key - s.day_key <= 15 THEN 1 ELSE 0 END) AS "6-15 days",
       sum(CASE WHEN g.day_key - s.day_key > 15 THEN 1 ELSE 0 END) AS "later"
FROM shop_sale s JOIN giveback g USING (ticket, product_key) JOIN shop h USING (shop_key)
GROUP BY substr(h.shop_name, 1, 6) ORDER BY 1

-- name: string functions
SELECT upper(last_name) || ', ' || lower(first_name) AS who, length(email) AS l, strpos(email, '@') AS at_place,
       split_part(email, '@', 2) AS host, replace(city, 'Hohhot', '呼和浩特') AS town, left(last_name, 3) AS l3,
       lpad(CAST(customer_key AS VARCHAR), 6, '0') AS padded, reverse(first_name) AS mirrored, trim('  x ') AS t,
       regexp_extract(email, '(\d+)', 1) AS digits, regexp_matches(email, '^c1\d*@') AS ones,
       regexp_replace(last_name, '[0-9]+', '#') AS shape, concat(first_name, NULL, '-', city) AS joined,
       concat_ws('/', country, city) AS path, starts_with(city, 'H') AS h, md5(email) AS digest, city LIKE 'O%' AS o
FROM customer WHERE last_name ILIKE 'family1%' AND email IS NOT NULL AND email SIMILAR TO 'c.*' ORDER BY customer_key

-- name: dates and intervals
SELECT on_date, on_date + INTERVAL 30 DAY AS later, on_date - INTERVAL '1' MONTH AS before, on_date + 7 AS week_on,
       date_trunc('month', on_date) AS m, last_day(on_date) AS l, extract(isodow FROM on_date) AS dow,
       date_diff('week', DATE '2021-01-01', on_date) AS weeks, strftime(on_date, '%Y/%m/%d %a') AS text,
       date_part('doy', on_date) AS doy, datediff('day', on_date, DATE '2024-01-01') AS left_over, epoch(on_date) AS secs,
       make_date(year, month, 1) AS first, CAST(age(DATE '2024-01-01', on_date) AS VARCHAR) AS old, dayname(on_date) AS dn, weekday
FROM day WHERE on_date BETWEEN CAST('2021-3-01' AS DATE) AND (CAST('2021-3-01' AS DATE) + INTERVAL '60' DAY)
  AND on_date >= '2021-03-05' ORDER BY on_date

-- name: timestamps
SELECT date_trunc('hour', sold_at) AS hour_of, hour(sold_at) // 6 AS shift, count(*) AS n, min(sold_at) AS first,
       date_diff('second', min(sold_at), max(sold_at)) AS span, time_bucket(INTERVAL 3 HOUR, min(sold_at)) AS bucket
FROM web_sale WHERE sold_at >= TIMESTAMP '2022-02-01' AND sold_at < TIMESTAMP '2022-02-01' + INTERVAL 10 DAY
GROUP BY ALL ORDER BY ALL

-- name: coalesce and nullif
SELECT coalesce(country, 'unknown') AS country, coalesce(color, brand, 'none') AS look, ifnull(color, '-') AS c,
       sum(quantity) / nullif(sum(CASE WHEN discount > 2 THEN quantity ELSE 0 END), 0) AS ratio
FROM shop_sale s LEFT JOIN customer c ON c.customer_key = s.customer_key JOIN product p ON p.product_key = s.product_key
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: full outer join of channels
WITH s AS (SELECT customer_key, product_key FROM shop_sale GROUP BY 1, 2),
     w AS (SELECT customer_key, product_key FROM web_sale GROUP BY 1, 2)
SELECT sum(CASE WHEN s.customer_key IS NOT NULL AND w.customer_key IS NULL THEN 1 ELSE 0 END) AS shop_only,
       sum(CASE WHEN s.customer_key IS NULL AND w.customer_key IS NOT NULL THEN 1 ELSE 0 END) AS web_only,
       sum(CASE WHEN s.customer_key IS NOT NULL AND w.customer_key IS NOT NULL THEN 1 ELSE 0 END) AS in_both
FROM s FULL OUTER JOIN w ON s.customer_key = w.customer_key AND s.product_key = w.product_key

-- name: full join using
SELECT day_key, a.n AS shop, b.n AS web
FROM (SELECT day_key, count(*) AS n FROM shop_sale WHERE day_key < 40 GROUP BY day_key) a
FULL JOIN (SELECT day_key, count(*) AS n FROM web_sale WHERE day_key < 60 GROUP BY day_key) b USING (day_key)
ORDER BY day_key

-- name: running totals of two channels
WITH w AS (SELECT product_key, day_key, sum(sum(paid)) OVER (PARTITION BY product_key ORDER BY day_key
             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far FROM web_sale WHERE day_key < 300 GROUP BY 1, 2),
     s AS (SELECT product_key, day_key, sum(sum(paid)) OVER (PARTITION BY product_key ORDER BY day_key
             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far FROM shop_sale WHERE day_key < 300 GROUP BY 1, 2)
SELECT * FROM (
  SELECT product_key, day_key, web, shop,
         max(web) OVER (PARTITION BY product_key ORDER BY day_key ROWS UNBOUNDED PRECEDING) AS web_top,
         max(shop) OVER (PARTITION BY product_key ORDER BY day_key ROWS UNBOUNDED PRECEDING) AS shop_top
  FROM (SELECT CASE WHEN w.product_key IS NOT NULL THEN w.product_key ELSE s.product_key END AS product_key,
               CASE WHEN w.day_key IS NOT NULL THEN w.day_key ELSE s.day_key END AS day_key,
               w.so_far AS web, s.so_far AS shop
        FROM w FULL OUTER JOIN s ON w.product_key = s.product_key AND w.day_key = s.day_key) x) y
WHERE web_top > shop_top ORDER BY product_key, day_key LIMIT 100

-- name: having with subqueries
SELECT product_key, sum(quantity) AS q FROM shop_sale GROUP BY product_key
HAVING sum(quantity) > (SELECT avg(q) * 1.1 FROM (SELECT sum(quantity) AS q FROM shop_sale GROUP BY product_key) x)
   AND product_key IN (SELECT product_key FROM web_sale WHERE quantity > 3)
ORDER BY q DESC, product_key

-- name: best and worst ten
SELECT asc_.place, p1.title AS best, p2.title AS worst
FROM (SELECT * FROM (SELECT product_key, rank() OVER (ORDER BY m ASC) AS place
        FROM (SELECT product_key, avg(paid) AS m FROM shop_sale WHERE shop_key = 4 GROUP BY product_key
              HAVING avg(paid) > 0.5 * (SELECT avg(paid) FROM shop_sale WHERE shop_key = 4 GROUP BY shop_key)) v1) v11
      WHERE place < 11) asc_,
     (SELECT * FROM (SELECT product_key, rank() OVER (ORDER BY m DESC) AS place
        FROM (SELECT product_key, avg(paid) AS m FROM shop_sale WHERE shop_key = 4 GROUP BY product_key) v2) v21
      WHERE place < 11) desc_, product p1, product p2
WHERE asc_.place = desc_.place AND p1.product_key = desc_.product_key AND p2.product_key = asc_.product_key
ORDER BY asc_.place, 2, 3

-- name: frames of rows and of a range
SELECT day_key, n, avg(n) OVER (ORDER BY day_key ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_mean,
       sum(n) OVER (ORDER BY on_date RANGE BETWEEN INTERVAL 3 DAY PRECEDING AND INTERVAL 3 DAY FOLLOWING) AS around,
       first_value(n) OVER (ORDER BY day_key) AS first, last_value(n) OVER (ORDER BY day_key ROWS BETWEEN UNBOUNDED
       PRECEDING AND UNBOUNDED FOLLOWING) AS last, nth_value(n, 2) OVER (ORDER BY day_key) AS second,
       sum(n) OVER (ORDER BY day_key ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS others
FROM (SELECT s.day_key, on_date, count(*) AS n FROM shop_sale s JOIN day d ON d.day_key = s.day_key GROUP BY ALL)
ORDER BY day_key LIMIT 50

-- name: named windows
SELECT category, month, paid, sum(paid) OVER w AS so_far, rank() OVER (w2 ORDER BY paid DESC) AS place,
       lag(paid, 1, 0) OVER w AS before, lead(paid) OVER w AS after, row_number() OVER (PARTITION BY month ORDER BY paid, category) AS r
FROM (SELECT category, month, sum(paid) AS paid FROM shop_sale JOIN day USING (day_key) JOIN product USING (product_key)
      WHERE year = 2021 GROUP BY ALL) AS x
WINDOW w AS (PARTITION BY category ORDER BY month), w2 AS (PARTITION BY month)
ORDER BY category, month

-- name: window functions of rank
SELECT customer_key, ntile(4) OVER (ORDER BY income, customer_key) AS quarter, percent_rank() OVER (ORDER BY income) AS pr,
       cume_dist() OVER (PARTITION BY city ORDER BY income) AS cd, dense_rank() OVER (ORDER BY city) AS dr,
       count(*) FILTER (WHERE club) OVER (PARTITION BY city) AS club_here, median(income) OVER (PARTITION BY city) AS mid,
       lag(email IGNORE NULLS) OVER (ORDER BY customer_key) AS mail_before
FROM customer ORDER BY customer_key

-- name: qualify
SELECT category, brand, sum(paid) AS paid FROM shop_sale JOIN product USING (product_key)
GROUP BY category, brand
QUALIFY row_number() OVER (PARTITION BY category ORDER BY sum(paid) DESC) <= 2 ORDER BY category, paid DESC

-- name: qualify on rows
SELECT ticket, product_key, paid FROM shop_sale WHERE shop_key = 3
QUALIFY rank() OVER (PARTITION BY product_key ORDER BY paid DESC, ticket) = 1 ORDER BY product_key

-- name: share of the whole
SELECT class, brand, sum(paid) AS revenue, sum(paid) * 100 / sum(sum(paid)) OVER (PARTITION BY class) AS ratio
FROM web_sale w, product p, day d
WHERE w.product_key = p.product_key AND category IN ('Home', 'Wear', 'Food') AND w.day_key = d.day_key
  AND on_date BETWEEN CAST('2022-02-22' AS DATE) AND (CAST('2022-02-22' AS DATE) + INTERVAL '90' DAY)
GROUP BY class, brand ORDER BY class, brand, revenue, ratio

-- name: away from the monthly mean
SELECT * FROM (
  SELECT brand, shop_name, month, sum(paid) AS paid,
         avg(sum(paid)) OVER (PARTITION BY brand, shop_name) AS mean
  FROM product p, shop_sale s, day d, shop h
  WHERE s.product_key = p.product_key AND s.day_key = d.day_key AND s.shop_key = h.shop_key AND year IN (2022)
    AND ((category IN ('Home', 'Books') AND class IN ('class 1', 'class 2')) OR (category = 'Food'))
  GROUP BY brand, shop_name, month) t
WHERE CASE WHEN mean <> 0 THEN abs(paid - mean) / mean ELSE NULL END > 0.1
ORDER BY paid - mean, shop_name, month, brand LIMIT 100

-- name: deviation of stock
WITH inv AS (SELECT product_key, month, stddev_samp(pieces) AS dev, avg(pieces) AS mean
             FROM stock JOIN day USING (day_key) GROUP BY 1, 2)
SELECT product_key, month, mean, CASE mean WHEN 0 THEN NULL ELSE dev / mean END AS cov FROM inv
WHERE CASE mean WHEN 0 THEN 0 ELSE dev / mean END > 0.2 ORDER BY 1, 2

-- name: before and after a day
SELECT shop_name, code,
       sum(CASE WHEN on_date < CAST('2022-05-08' AS DATE) THEN pieces ELSE 0 END) AS before,
       sum(CASE WHEN on_date >= CAST('2022-05-08' AS DATE) THEN pieces ELSE 0 END) AS after
FROM stock t, shop h, product p, day d
WHERE p.product_key = t.product_key AND t.shop_key = h.shop_key AND t.day_key = d.day_key
  AND on_date BETWEEN (CAST('2022-05-08' AS DATE) - INTERVAL '200' DAY) AND (CAST('2022-05-08' AS DATE) + INTERVAL '200' DAY)
GROUP BY shop_name, code
HAVING (CASE WHEN sum(CASE WHEN on_date < DATE '2022-05-08' THEN pieces ELSE 0 END) > 0
        THEN sum(CASE WHEN on_date >= DATE '2022-05-08' THEN pieces ELSE 0 END) * 1.0
             / sum(CASE WHEN on_date < DATE '2022-05-08' THEN pieces ELSE 0 END) END) BETWEEN 2.0 / 3.0 AND 3.0 / 2.0
ORDER BY shop_name, code

-- name: distinct on
SELECT DISTINCT ON (city) city, customer_key, income FROM customer ORDER BY city, income DESC, customer_key

-- name: distinct of an expression
SELECT DISTINCT year(born) // 10 * 10 AS decade, club FROM customer ORDER BY 1, 2

-- name: limit and offset
SELECT code, price FROM product ORDER BY price DESC, code LIMIT 7 OFFSET 3

-- name: fetch first
SELECT code, price FROM product ORDER BY price, code FETCH FIRST 5 ROWS ONLY

-- name: semi and anti join
SELECT city, count(*) AS n FROM customer c SEMI JOIN shop_sale s ON s.customer_key = c.customer_key AND s.paid > 380
GROUP BY city
UNION ALL
SELECT c.city, count(*) FROM customer c ANTI JOIN web_sale USING (customer_key) GROUP BY c.city

-- name: bands from values
SELECT band, count(*) AS n, avg(price) AS price FROM product
JOIN (VALUES (0, 30, 'low'), (30, 60, 'middle'), (60, 1000, 'high')) AS b(low, high, band)
  ON price >= b.low AND price < b.high GROUP BY band ORDER BY band

-- name: a calendar without gaps
SELECT d::DATE AS month, coalesce(n, 0) AS n
FROM generate_series(DATE '2020-11-01', DATE '2021-04-01', INTERVAL 1 MONTH) AS g(d)
LEFT JOIN (SELECT date_trunc('month', on_date) AS m, count(*) AS n FROM shop_sale JOIN day USING (day_key) GROUP BY 1) x
  ON x.m = g.d ORDER BY 1

-- name: unnested constants
SELECT u.c, count(p.product_key) AS n FROM unnest(['red', 'blue', 'pink']) AS u(c) LEFT JOIN product p ON p.color = u.c
GROUP BY u.c ORDER BY u.c

-- name: pivot of a subquery
SELECT * FROM (SELECT d.year, p.category, s.quantity FROM shop_sale s JOIN day d USING (day_key) JOIN product p USING (product_key))
PIVOT (sum(quantity) FOR category IN ('Home', 'Wear', 'Food')) ORDER BY year

-- name: pivot statement
PIVOT shop ON league IN ('north', 'south') USING count(*) AS n, sum(floor_space) AS space GROUP BY city

-- name: lateral subquery
SELECT h.shop_name, t.product_key, t.paid FROM shop h,
LATERAL (SELECT product_key, paid FROM shop_sale s WHERE s.shop_key = h.shop_key ORDER BY paid DESC, product_key, ticket LIMIT 2) t
ORDER BY 1, 3 DESC, 2

-- name: left lateral subquery
SELECT p.code, x.last FROM product p
LEFT JOIN LATERAL (SELECT max(day_key) AS last FROM web_sale w WHERE w.product_key = p.product_key AND w.quantity > 3) x ON true
ORDER BY p.code

-- name: as of join
SELECT w.orders, w.day_key, t.day_key AS counted, t.pieces FROM web_sale w
ASOF JOIN (SELECT product_key, day_key, sum(pieces) AS pieces FROM stock GROUP BY ALL) t
  ON t.product_key = w.product_key AND w.day_key >= t.day_key
WHERE w.orders < 60 ORDER BY w.orders, w.product_key, w.day_key

-- name: quantiles
SELECT category, median(price) AS m, quantile_cont(price, 0.9) AS p90, quantile_cont(price, [0.25, 0.5, 0.75]) AS q,
       quantile_disc(price, 0.5) AS d, percentile_cont(0.1) WITHIN GROUP (ORDER BY price) AS p10,
       mode(color IS NULL) AS usual, mad(price) AS spread
FROM product GROUP BY category ORDER BY category

-- name: regression
SELECT regr_slope(paid, quantity) AS slope, regr_intercept(paid, quantity) AS base, regr_r2(paid, quantity) AS r2,
       regr_count(paid, quantity) AS n, corr(paid, quantity) AS c, covar_pop(paid, quantity) AS v,
       stddev_pop(paid) AS sp, var_samp(paid) AS vs, skewness(paid) AS sk, kurtosis(paid) AS k FROM shop_sale

-- name: values of single rows
SELECT shop_key, min(paid) AS lo, max(paid) AS hi, arg_max(ticket, paid + ticket / 100000.0) AS top,
       string_agg(DISTINCT CAST(quantity AS VARCHAR), ',' ORDER BY CAST(quantity AS VARCHAR)) AS sizes,
       list(DISTINCT quantity ORDER BY quantity)[1:3] AS small, bool_or(discount > 2.9) AS big, any_value(shop_key) AS same,
       first(ticket ORDER BY ticket) AS first_ticket, count(DISTINCT (product_key, quantity)) AS pairs,
       sum(DISTINCT quantity) AS kinds, bit_or(quantity) AS bits, product(1 + discount / 1000) AS growth,
       approx_count_distinct(shop_key) AS one, max(paid, 2) AS two_largest, histogram(quantity > 5) AS halves
FROM shop_sale GROUP BY shop_key ORDER BY shop_key

-- name: mathematics
SELECT round(sqrt(income), 2) AS r, round(ln(income), 3) AS l, floor(income / 1000) * 1000 AS step, power(household, 2) AS sq,
       customer_key % 7 AS rest, customer_key - customer_key % 10 AS base, abs(-income) AS a, sign(household - 3) AS s,
       greatest(household, 2) AS g, least(household, 3) AS le, ceil(income / 7) AS c, trunc(income / 7) AS t, exp(1) AS e,
       income::INTEGER AS whole, CAST(income AS DECIMAL(15, 4)) / 3 AS third, mod(customer_key, 3) AS m, log10(income) AS lg,
       household & 1 AS odd, pi() AS p, income // 1000 AS k, -household AS neg, isnan(income) AS broken
FROM customer ORDER BY customer_key

-- name: quantified comparisons
SELECT code FROM product p WHERE price >= ALL (SELECT price FROM product q WHERE q.category = p.category)
UNION SELECT code FROM product WHERE product_key = ANY (SELECT product_key FROM stock WHERE pieces > 490)

-- name: pairs in a subquery
SELECT count(*) FROM shop_sale WHERE (ticket, product_key) IN (SELECT ticket, product_key FROM giveback WHERE reason = 'late')

-- name: not in
SELECT count(*) FROM product WHERE product_key NOT IN (SELECT product_key FROM web_sale WHERE quantity = 4)

-- name: stars
SELECT p.* EXCLUDE (cost, since), q.n FROM product p JOIN (SELECT product_key, count(*) AS n FROM stock GROUP BY 1) q USING (product_key)
WHERE q.n > 5 ORDER BY product_key

-- name: all columns of a join in a common table
WITH j AS (SELECT * FROM shop_sale s JOIN giveback g ON g.ticket = s.ticket AND g.product_key = s.product_key)
SELECT count(*) AS n, sum(refund) AS refund, sum(unit_price) AS price, sum(ticket_1) AS t FROM j

-- name: renamed columns
SELECT x.a, sum(x.b) AS b FROM shop AS x(k, s, a, l, b) GROUP BY x.a ORDER BY 1

-- name: columns of a common table renamed
WITH t(town, people) AS (SELECT city, count(*) FROM customer GROUP BY city) SELECT town, people FROM t ORDER BY people, town

-- name: aliases used again
SELECT price * 2 AS double_price, double_price + 1 AS more, CASE WHEN more > 100 THEN 'dear' ELSE 'cheap' END AS label
FROM product WHERE double_price > 20 ORDER BY product_key

-- name: order by an expression
SELECT city, count(*) AS n FROM customer GROUP BY city ORDER BY count(*) * -1, lower(city)

-- name: ordered union by an expression
SELECT city FROM customer UNION SELECT city FROM shop ORDER BY length(city), city

-- name: union by name
SELECT city, count(*) AS people FROM customer GROUP BY city
UNION ALL BY NAME SELECT count(*) AS shops, city FROM shop GROUP BY city

-- name: from first
FROM shop_sale s JOIN day d USING (day_key) SELECT d.year, count(*) AS n GROUP BY d.year ORDER BY 1

-- name: a condition of many columns
SELECT avg(quantity), avg(s.unit_price), sum(cost) FROM shop_sale s, shop h, customer c, product p, day d
WHERE h.shop_key = s.shop_key AND s.day_key = d.day_key AND d.year = 2021 AND s.product_key = p.product_key
  AND ((c.customer_key = s.customer_key AND c.club AND s.unit_price BETWEEN 10.00 AND 90.00 AND c.household = 3)
       OR (c.customer_key = s.customer_key AND NOT c.club AND s.unit_price BETWEEN 5.00 AND 50.00 AND c.household IN (1, 2)))

-- name: counts side by side
SELECT * FROM (SELECT count(*) AS morning FROM web_sale WHERE hour(sold_at) BETWEEN 6 AND 11) a,
              (SELECT count(*) AS evening FROM web_sale WHERE hour(sold_at) BETWEEN 18 AND 22) b,
              (SELECT CAST(count(*) AS DECIMAL(15, 4)) / 7 AS part FROM web_sale) c

-- name: constants and types
SELECT 1 AS one, NULL AS nothing, DATE '2020-02-29' AS leap, TRUE AND NOT FALSE AS yes, [1, 2, 3][2] AS two,
       len(['a', 'b']) AS l, CAST('7' AS INTEGER) + 1 AS eight, TRY_CAST('x' AS INTEGER) AS none, 7 / 2 AS half, 7 // 2 AS whole,
       CAST(INTERVAL 3 DAY AS VARCHAR) AS days, 1e3 AS thousand, 'a' || 'b' AS ab, 1 IS NULL AS blank FROM shop WHERE shop_key = 1

-- name: text compared with numbers and dates
SELECT count(*) FROM day WHERE CAST(year AS VARCHAR) || '-' || lpad(CAST(month AS VARCHAR), 2, '0') >= '2022-06'
  AND on_date < '2023-01-01' AND year = '2022'

-- name: group by everything that is no aggregate
SELECT city, league, count(*) AS n, sum(floor_space) FILTER (WHERE closed IS NULL) AS open_space FROM shop GROUP BY ALL
HAVING n >= 1 ORDER BY ALL DESC

-- name: median of groups of groups
SELECT league, median(n) AS m, max(n) - min(n) AS width, quantile_cont(n, 0.5) AS q
FROM (SELECT h.league, h.shop_key, count(*) AS n FROM shop_sale s JOIN shop h USING (shop_key) GROUP BY 1, 2) x
GROUP BY league

-- name: cohorts
WITH first AS (SELECT customer_key, min(day_key) // 365 AS cohort FROM shop_sale WHERE customer_key IS NOT NULL GROUP BY 1),
     seen AS (SELECT DISTINCT f.customer_key, f.cohort, s.day_key // 365 - f.cohort AS after
              FROM first f JOIN shop_sale s USING (customer_key))
SELECT cohort, after, count(*) AS n, round(count(*) * 100.0 / first_value(count(*)) OVER (PARTITION BY cohort ORDER BY after), 1) AS kept
FROM seen GROUP BY cohort, after ORDER BY 1, 2

-- name: gaps and islands
SELECT product_key, min(day_key) AS starts, max(day_key) AS ends, count(*) AS n
FROM (SELECT product_key, day_key, day_key - 30 * row_number() OVER (PARTITION BY product_key ORDER BY day_key) AS island
      FROM (SELECT DISTINCT product_key, day_key FROM stock))
GROUP BY product_key, island HAVING count(*) > 1 ORDER BY 1, 2

-- name: a join in parentheses
SELECT h.shop_name, count(s.ticket) AS n, min(d.on_date) AS first
FROM shop h LEFT JOIN (shop_sale s JOIN day d ON d.day_key = s.day_key AND d.year = 2022) ON s.shop_key = h.shop_key
GROUP BY h.shop_name ORDER BY 1

-- name: a star with other columns
SELECT * REPLACE (upper(city) AS city) FROM (SELECT * RENAME (league AS part) FROM shop) t ORDER BY shop_key

-- name: a filter with a subquery
SELECT sum(paid) FILTER (WHERE day_key IN (SELECT day_key FROM day WHERE holiday)) AS holidays, count(*) AS n FROM shop_sale

-- name: existence as a group
SELECT city, CASE WHEN EXISTS (SELECT 1 FROM shop h WHERE h.city = c.city) THEN 'has' ELSE 'no' END AS k, count(*) AS n
FROM customer c GROUP BY 1, 2

-- name: sets of groupings
SELECT p.category, p.brand, sum(s.quantity) AS q FROM shop_sale s JOIN product p ON p.product_key = s.product_key
GROUP BY GROUPING SETS (ROLLUP (p.category, p.brand), (p.brand))

-- name: a list in a scalar subquery
SELECT c.city, (SELECT string_agg(shop_name, ',' ORDER BY shop_name) FROM shop h WHERE h.city = c.city) AS shops
FROM (SELECT DISTINCT city FROM customer) c ORDER BY 1
