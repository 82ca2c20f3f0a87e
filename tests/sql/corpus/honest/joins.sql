-- More than one table.

-- name: join-inner
SELECT o.id, count(*) AS lines, sum(i.quantity * i.price) AS total FROM shop.orders o JOIN shop.items i ON i.order_id = o.id GROUP BY o.id ORDER BY o.id

-- name: join-left-with-filter
SELECT c.id, count(o.id) FROM shop.customers c LEFT JOIN shop.orders o ON o.customer_id = c.id AND o.status = 'paid' GROUP BY c.id ORDER BY c.id

-- name: join-right-and-full
SELECT count(*) FROM shop.orders o RIGHT JOIN shop.customers c ON c.id = o.customer_id FULL JOIN shop.products p ON p.id = o.id

-- name: join-cross-with-values
SELECT s.name, v.n FROM shop.stores s CROSS JOIN (VALUES (1), (2)) AS v(n) ORDER BY 1, 2

-- name: join-using
SELECT count(*) FROM (SELECT id AS order_id, status FROM shop.orders) o JOIN shop.items USING (order_id)

-- name: join-natural
SELECT count(*) FROM (SELECT id AS product_id, category FROM shop.products) p NATURAL JOIN (SELECT product_id, quantity FROM shop.items) i

-- name: join-self
SELECT a.id, b.id FROM shop.orders a JOIN shop.orders b ON b.id = a.id + 1 AND b.amount > a.amount ORDER BY 1 LIMIT 5

-- name: join-three-tables
SELECT p.category, c."group", sum(i.quantity) AS sold FROM shop.items i JOIN shop.products p ON p.id = i.product_id JOIN shop.orders o ON o.id = i.order_id JOIN shop.customers c ON c.id = o.customer_id GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2 NULLS FIRST

-- name: join-lateral-top-two
SELECT o.id, t.id AS item, t.quantity FROM shop.orders o CROSS JOIN LATERAL (SELECT i.id, i.quantity FROM shop.items i WHERE i.order_id = o.id ORDER BY i.quantity DESC, i.id LIMIT 2) t ORDER BY o.id, t.id

-- name: join-lateral-left
SELECT c.id, last.placed FROM shop.customers c LEFT JOIN LATERAL (SELECT placed FROM shop.orders o WHERE o.customer_id = c.id ORDER BY placed DESC LIMIT 1) last ON true ORDER BY 1

-- name: join-lateral-function
SELECT o.id, n FROM shop.orders o, generate_series(1, (o.id % 3)::int) n ORDER BY 1, 2

-- name: join-parenthesised
SELECT count(*) FROM (shop.orders o JOIN shop.customers c ON c.id = o.customer_id) JOIN shop.items i ON i.order_id = o.id

-- name: join-old-style
SELECT count(*) FROM shop.orders o, shop.customers c WHERE c.id = o.customer_id AND o.amount > 0

-- name: join-anti
SELECT p.id FROM shop.products p LEFT JOIN shop.items i ON i.product_id = p.id AND i.quantity > 100 WHERE i.id IS NULL ORDER BY 1

-- name: join-alias-with-columns
SELECT x.a, x.b FROM shop.stores AS x(a, b) ORDER BY x.a

-- name: join-using-alias
SELECT j.id, p.name FROM shop.products p JOIN shop.stores s USING (id) AS j ORDER BY 1

-- name: join-stores-and-numbers
SELECT s.city, count(*) FROM shop.stores s JOIN shop.products p ON p.id % 2 = s.id % 2 GROUP BY s.city ORDER BY 1
