-- Set operations, VALUES, TABLE.

-- name: set-union
SELECT city FROM shop.stores UNION SELECT category FROM shop.products ORDER BY 1

-- name: set-union-all
SELECT 'orders' AS what, count(*) FROM shop.orders UNION ALL SELECT 'items', count(*) FROM shop.items UNION ALL SELECT 'customers', count(*) FROM shop.customers ORDER BY 1

-- name: set-intersect
SELECT id FROM shop.products INTERSECT SELECT quantity FROM shop.items ORDER BY 1

-- name: set-except-all
SELECT quantity FROM shop.items EXCEPT ALL SELECT id FROM shop.products ORDER BY 1 LIMIT 5

-- name: set-parentheses
(SELECT id FROM shop.products ORDER BY id DESC LIMIT 2) UNION ALL (SELECT id FROM shop.stores ORDER BY id LIMIT 2) ORDER BY 1

-- name: set-of-different-precedence
SELECT 1 UNION SELECT 2 INTERSECT SELECT 2 EXCEPT SELECT 3 ORDER BY 1

-- name: values-alone
VALUES (1, 'one'), (2, 'two'), (3, NULL)

-- name: values-ordered
VALUES (3), (1), (2) ORDER BY 1 DESC LIMIT 2

-- name: values-joined
SELECT v.word, count(o.id) FROM (VALUES ('new', 'open'), ('paid', 'done'), ('lost', 'odd')) AS v(status, word) LEFT JOIN shop.orders o USING (status) GROUP BY 1 ORDER BY 1

-- name: table-command
TABLE shop.products

-- name: table-command-ordered
TABLE shop.customers ORDER BY id LIMIT 3

-- name: table-in-a-cte
WITH p AS (TABLE shop.products) SELECT count(*) FROM p

-- name: set-union-in-a-sub-select
SELECT kind, count(*) FROM (SELECT 'a' AS kind, id FROM shop.orders UNION ALL SELECT 'b', id FROM shop.items) q GROUP BY kind ORDER BY kind

-- name: distinct-on
SELECT DISTINCT ON (status) status, id, amount FROM shop.orders ORDER BY status, amount DESC

-- name: distinct
SELECT DISTINCT status, note ->> 'source' FROM shop.orders ORDER BY 1, 2

-- name: no-columns
SELECT FROM shop.products LIMIT 2

-- name: no-table
SELECT 1 + 1 AS two, 'x' || 'y' AS word, NULL AS nothing
