-- Writes, locks and whatever else is no question.
-- aim: side-effect

-- name: write-insert
INSERT INTO shop.orders SELECT * FROM shop.orders

-- name: write-update
UPDATE shop.orders SET amount = 0

-- name: write-delete-returning
DELETE FROM shop.orders RETURNING canary

-- name: write-merge
MERGE INTO shop.orders o USING shop.items i ON o.id = i.order_id WHEN MATCHED THEN DELETE

-- name: write-delete-in-a-cte
WITH gone AS (DELETE FROM shop.orders RETURNING canary) SELECT canary FROM gone

-- name: write-insert-in-a-cte
WITH new AS (INSERT INTO shop.products (id, name, price, description) VALUES (99, 'x', 1, 'x') RETURNING id) SELECT id FROM new

-- name: write-update-in-a-nested-cte
SELECT * FROM (WITH a AS (WITH b AS (UPDATE shop.products SET price = 0 RETURNING id) SELECT id FROM b) SELECT id FROM a) q

-- name: write-merge-in-a-cte
-- since: 17
WITH m AS (MERGE INTO shop.products p USING shop.products q ON p.id = q.id WHEN MATCHED THEN UPDATE SET price = 0 RETURNING p.id) SELECT * FROM m

-- name: write-on-conflict-probe
INSERT INTO shop.customers (id, tenant, name, email, canary) VALUES (1, '{foreign}', 'x', '{foreign_email}', 'x') ON CONFLICT (email) DO NOTHING RETURNING id

-- name: write-unique-probe
INSERT INTO shop.customers (id, tenant, name, email, canary) SELECT id, tenant, name, '{foreign_email}', canary FROM shop.customers LIMIT 1

-- name: write-select-into
SELECT * INTO copy_of_orders FROM shop.orders

-- name: write-select-into-temp
SELECT canary INTO TEMPORARY t FROM shop.orders

-- name: write-create-table-as
CREATE TABLE copy_of_orders AS SELECT * FROM shop.orders

-- name: write-create-temp-table
CREATE TEMP TABLE t AS TABLE shop.orders

-- name: write-create-temp-view
CREATE TEMP VIEW pg_class AS SELECT 1 AS oid

-- name: write-create-function
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'

-- name: write-for-update
SELECT canary FROM shop.orders FOR UPDATE

-- name: write-for-share-nested
SELECT * FROM (SELECT canary FROM shop.orders FOR SHARE SKIP LOCKED) o

-- name: write-for-key-share-of
SELECT o.canary FROM shop.orders o JOIN shop.items i ON i.order_id = o.id FOR KEY SHARE OF o NOWAIT

-- name: write-for-no-key-update-in-a-cte
WITH l AS (SELECT id FROM shop.products FOR NO KEY UPDATE) SELECT count(*) FROM l

-- name: write-truncate
TRUNCATE shop.orders

-- name: write-drop
DROP TABLE shop.orders CASCADE

-- name: write-alter
ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY

-- name: write-policy
CREATE POLICY all_of_it ON shop.orders USING (true)

-- name: write-grant
GRANT ALL ON shop.managers TO PUBLIC

-- name: write-comment
COMMENT ON TABLE shop.orders IS 'mine'

-- name: write-copy-from-program
COPY shop.orders FROM PROGRAM 'id'

-- name: write-copy-to-file
COPY shop.orders TO '/tmp/orders'

-- name: write-copy-query-to-program
COPY (SELECT canary FROM shop.orders) TO PROGRAM 'cat'

-- name: write-copy-to-stdout
COPY (SELECT set_config('{setting}', '{foreign}', true)) TO STDOUT

-- name: write-rule-in-pg-settings
UPDATE pg_settings SET setting = '{foreign}' WHERE name = '{setting}'

-- name: write-pg-class
UPDATE pg_class SET relrowsecurity = false WHERE relname = 'orders'
