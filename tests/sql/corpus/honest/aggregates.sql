-- Counts and sums, grouped in every way.

-- name: aggregate-usual
SELECT count(*), count(discount), sum(quantity), avg(price)::numeric(10, 4), min(price), max(price) FROM shop.items

-- name: aggregate-group-and-having
SELECT status, count(*) AS n FROM shop.orders GROUP BY status HAVING count(*) > 2 ORDER BY n DESC, status

-- name: aggregate-filter
SELECT count(*) FILTER (WHERE status = 'paid') AS paid, sum(amount) FILTER (WHERE status <> 'returned') AS kept FROM shop.orders

-- name: aggregate-distinct
SELECT count(DISTINCT product_id), sum(DISTINCT quantity), array_agg(DISTINCT quantity ORDER BY quantity DESC) FROM shop.items

-- name: aggregate-grouping-sets
SELECT p.category, i.quantity, count(*) FROM shop.items i JOIN shop.products p ON p.id = i.product_id GROUP BY GROUPING SETS ((p.category, i.quantity), (p.category), ()) ORDER BY 1 NULLS LAST, 2 NULLS LAST, 3

-- name: aggregate-rollup
SELECT status, note ->> 'source' AS source, sum(amount) FROM shop.orders GROUP BY ROLLUP (1, 2) ORDER BY 1, 2

-- name: aggregate-cube-with-grouping
SELECT GROUPING(status, customer_id) AS level, status, count(*) FROM shop.orders GROUP BY CUBE (status, customer_id) HAVING GROUPING(status, customer_id) <> 0 ORDER BY 1, 2 NULLS LAST, 3

-- name: aggregate-distinct-grouping-sets
SELECT status, count(*) FROM shop.orders GROUP BY DISTINCT ROLLUP (status), ROLLUP (status) ORDER BY 1, 2

-- name: aggregate-string-agg-ordered
SELECT status, string_agg(canary, ', ' ORDER BY id DESC) FROM shop.orders GROUP BY status ORDER BY 1

-- name: aggregate-percentiles
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY amount) FROM shop.orders

-- name: aggregate-mode
SELECT mode() WITHIN GROUP (ORDER BY status) FROM shop.orders

-- name: aggregate-hypothetical
SELECT rank(1500) WITHIN GROUP (ORDER BY amount), percent_rank(1500) WITHIN GROUP (ORDER BY amount) FROM shop.orders

-- name: aggregate-statistics
SELECT round(stddev_samp(quantity), 4), round(var_pop(quantity), 4), round(corr(quantity, price)::numeric, 6), regr_slope(quantity, product_id) IS NOT NULL FROM shop.items

-- name: aggregate-booleans
SELECT bool_and(amount > 0), bool_or(status = 'returned'), every(orders.id > 0), bit_or(quantity) FROM shop.orders JOIN shop.items ON items.order_id = orders.id

-- name: aggregate-of-a-sub-select
SELECT max(n), min(n) FROM (SELECT count(*) AS n FROM shop.items GROUP BY order_id) q

-- name: aggregate-json
SELECT json_agg(name ORDER BY id), jsonb_object_agg(id, city) FROM shop.stores

-- name: aggregate-json-strict
-- since: 16
SELECT JSON_ARRAYAGG(name ORDER BY id), JSON_OBJECTAGG(id: city) FROM shop.stores

-- name: aggregate-any-value
-- since: 16
SELECT any_value(tenant) IS NOT NULL FROM shop.orders

-- name: aggregate-share-of-the-whole
SELECT status, round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS percent FROM shop.orders GROUP BY status ORDER BY status

-- name: aggregate-by-position-and-expression
SELECT date_trunc('month', placed AT TIME ZONE 'UTC') AS month, count(*) FROM shop.orders GROUP BY 1 ORDER BY 1

-- name: aggregate-group-by-primary-key
SELECT p.id, p.name, p.price, count(i.id) FROM shop.products p LEFT JOIN shop.items i ON i.product_id = p.id GROUP BY p.id ORDER BY p.id

-- name: aggregate-variance-by-group
SELECT product_id, round(variance(quantity), 3) FROM shop.items GROUP BY product_id ORDER BY 1

-- name: aggregate-range
SELECT range_agg(int4range(quantity, quantity + 2))::text FROM shop.items
