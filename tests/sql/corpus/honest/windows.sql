-- Window functions and their frames.

-- name: window-row-number
SELECT id, row_number() OVER (PARTITION BY status ORDER BY amount DESC) AS place FROM shop.orders ORDER BY id

-- name: window-running-sum
SELECT id, sum(amount) OVER (ORDER BY placed ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM shop.orders ORDER BY id

-- name: window-moving-average
SELECT id, round(avg(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING), 3) FROM shop.orders ORDER BY id

-- name: window-range-of-days
SELECT id, count(*) OVER (ORDER BY placed RANGE BETWEEN '3 days' PRECEDING AND '1 day' FOLLOWING) FROM shop.orders ORDER BY id

-- name: window-groups
SELECT id, sum(quantity) OVER (ORDER BY product_id GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM shop.items WHERE order_id % 9 = 0 ORDER BY id

-- name: window-lag-and-lead
SELECT id, amount - lag(amount, 1, 0) OVER w AS step, lead(status) OVER w FROM shop.orders WINDOW w AS (ORDER BY placed) ORDER BY id

-- name: window-first-last-nth
SELECT DISTINCT status, first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM shop.orders WINDOW w AS (PARTITION BY status ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY 1

-- name: window-ranks
SELECT id, rank() OVER w, dense_rank() OVER w, round(percent_rank() OVER w::numeric, 4), ntile(4) OVER w FROM shop.products WINDOW w AS (ORDER BY category NULLS FIRST) ORDER BY id

-- name: window-inherits-a-window
SELECT id, count(*) OVER (w ORDER BY id) FROM shop.orders WINDOW w AS (PARTITION BY status) ORDER BY id

-- name: window-filter
SELECT id, count(*) FILTER (WHERE amount > 1010) OVER (PARTITION BY status) FROM shop.orders ORDER BY id

-- name: window-over-groups
SELECT status, sum(sum(amount)) OVER (ORDER BY status) FROM shop.orders GROUP BY status ORDER BY status

-- name: window-top-of-each
SELECT id, status FROM (SELECT id, status, rank() OVER (PARTITION BY status ORDER BY amount DESC, id) AS r FROM shop.orders) q WHERE r <= 2 ORDER BY status, id

-- name: window-sessions
SELECT count(*) FROM (SELECT placed - lag(placed) OVER (PARTITION BY customer_id ORDER BY placed) > interval '2 days' AS is_new FROM shop.orders) q WHERE is_new IS NOT FALSE

-- name: window-cume-dist
SELECT id, round((cume_dist() OVER (ORDER BY price))::numeric, 4) FROM shop.products ORDER BY id
