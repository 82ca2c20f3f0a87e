-- Common table expressions, recursive ones too.

-- name: cte-simple
WITH paid AS (SELECT * FROM shop.orders WHERE status = 'paid') SELECT count(*), sum(amount) FROM paid

-- name: cte-chain
WITH a AS (SELECT order_id, sum(quantity) AS n FROM shop.items GROUP BY order_id), b AS (SELECT max(n) AS most FROM a) SELECT a.order_id FROM a, b WHERE a.n = b.most ORDER BY 1

-- name: cte-materialized
WITH a AS MATERIALIZED (SELECT id, amount FROM shop.orders), b AS NOT MATERIALIZED (SELECT id FROM a WHERE amount > 0) SELECT count(*) FROM a JOIN b USING (id)

-- name: cte-with-columns
WITH totals(status, total) AS (SELECT status, sum(amount) FROM shop.orders GROUP BY 1) SELECT status, total FROM totals ORDER BY total DESC

-- name: cte-nested
SELECT * FROM (WITH x AS (WITH y AS (SELECT id FROM shop.stores) SELECT id * 2 AS double FROM y) SELECT double FROM x) q ORDER BY 1

-- name: cte-in-a-sub-select
SELECT s.name, (WITH p AS (SELECT price FROM shop.products WHERE id = s.id) SELECT price FROM p) FROM shop.stores s ORDER BY 1

-- name: cte-named-as-a-table
WITH orders AS (SELECT id, amount FROM shop.orders WHERE status = 'new') SELECT count(*), sum(amount) FROM orders

-- name: cte-recursive-numbers
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT sum(i) FROM n

-- name: cte-recursive-months
WITH RECURSIVE months(m) AS (SELECT date '2025-01-01' UNION ALL SELECT (m + interval '1 month')::date FROM months WHERE m < '2025-06-01') SELECT m, count(o.id) FROM months LEFT JOIN shop.orders o ON date_trunc('month', o.placed AT TIME ZONE 'UTC') = m GROUP BY m ORDER BY m

-- name: cte-recursive-search
WITH RECURSIVE t(id, parent) AS (SELECT 1, 0 UNION ALL SELECT p.id, t.id FROM shop.products p JOIN t ON p.id IN (t.id * 2, t.id * 2 + 1)) SEARCH BREADTH FIRST BY id SET place SELECT id, parent FROM t ORDER BY place

-- name: cte-recursive-cycle
WITH RECURSIVE t(id) AS (SELECT 1 UNION ALL SELECT t.id % 4 + 1 FROM t) CYCLE id SET again USING path SELECT id, again FROM t ORDER BY 2, 1

-- name: cte-used-twice
WITH o AS (SELECT id, amount FROM shop.orders) SELECT (SELECT count(*) FROM o), (SELECT max(amount) FROM o) FROM o LIMIT 1

-- name: cte-with-values
WITH bands(label, least, most) AS (VALUES ('low', 0, 1010), ('high', 1011, 9999)) SELECT b.label, count(o.id) FROM bands b LEFT JOIN shop.orders o ON o.amount BETWEEN b.least AND b.most GROUP BY b.label ORDER BY 1

-- name: cte-before-values
WITH one AS (SELECT count(*) AS n FROM shop.stores) VALUES ((SELECT n FROM one), 2)
