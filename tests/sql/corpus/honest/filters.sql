-- Rows by conditions.

-- name: filter-range-of-amounts
SELECT id, amount FROM shop.orders WHERE amount BETWEEN 1010 AND 2020 ORDER BY id

-- name: filter-unqualified-table
SELECT id, status FROM orders WHERE status = 'paid' ORDER BY id

-- name: filter-in-list
SELECT count(*) FROM shop.orders WHERE status IN ('new', 'sent')

-- name: filter-not-in-list-with-null
SELECT count(*) FROM shop.customers WHERE "group" NOT IN ('gold') OR "group" IS NULL

-- name: filter-like-and-ilike
SELECT name FROM shop.customers WHERE name LIKE 'Pat 1%' AND email ILIKE '%EXAMPLE' ORDER BY name

-- name: filter-like-with-escape
SELECT count(*) FROM shop.customers WHERE email NOT LIKE '%!_%' ESCAPE '!'

-- name: filter-similar-to
SELECT canary FROM shop.orders WHERE canary SIMILAR TO 'c1__-(1|2|3)' ORDER BY 1

-- name: filter-regular-expression
SELECT canary FROM shop.orders WHERE canary ~ '^c\d+-1?5$' AND canary !~* 'X' ORDER BY 1

-- name: filter-any-and-all
SELECT count(*) FROM shop.items WHERE product_id = ANY (ARRAY[1, 2, 3]) AND quantity <> ALL ('{7}'::int[])

-- name: filter-is-distinct-from
SELECT count(*) FROM shop.items WHERE discount IS DISTINCT FROM 0.1

-- name: filter-boolean-tests
SELECT count(*) FROM shop.items WHERE (discount > 0.05) IS NOT TRUE

-- name: filter-row-comparison
SELECT id FROM shop.orders WHERE (status, id) > ('paid', 0) ORDER BY status, id LIMIT 5

-- name: filter-row-in-list
SELECT count(*) FROM shop.items WHERE (product_id, quantity) IN ((1, 1), (2, 3), (5, 5))

-- name: filter-exists-correlated
SELECT c.id FROM shop.customers c WHERE EXISTS (SELECT FROM shop.orders o WHERE o.customer_id = c.id AND o.amount > 1015) ORDER BY 1

-- name: filter-not-exists
SELECT count(*) FROM shop.products p WHERE NOT EXISTS (SELECT 1 FROM shop.items i WHERE i.product_id = p.id AND i.quantity > 6)

-- name: filter-above-the-average
SELECT id, amount FROM shop.orders WHERE amount > (SELECT avg(amount) FROM shop.orders) ORDER BY id

-- name: filter-nulls-ordering
SELECT id, "group" FROM shop.customers ORDER BY "group" DESC NULLS LAST, id

-- name: filter-limit-and-offset
SELECT id FROM shop.orders ORDER BY id LIMIT 5 OFFSET 3

-- name: filter-fetch-with-ties
SELECT id, quantity FROM shop.items ORDER BY quantity DESC, product_id FETCH FIRST 3 ROWS WITH TIES

-- name: filter-between-symmetric
SELECT count(*) FROM shop.products WHERE price BETWEEN SYMMETRIC 30 AND 10

-- name: filter-tautology-of-an-analyst
SELECT count(*) FROM shop.orders WHERE 1 = 1 AND true

-- name: filter-select-star
SELECT * FROM shop.products ORDER BY id

-- name: filter-star-of-an-alias
SELECT o.* FROM shop.orders AS o ORDER BY o.id LIMIT 2
