-- Views and functions that look with the rights of the tables' owner, as careless applications
-- have them, and functions of the wall itself.
-- aim: value

-- name: careless-view
SELECT * FROM shop.all_orders

-- name: careless-view-counted
SELECT count(*), sum(amount) FROM shop.all_orders

-- name: careless-view-of-foreign
SELECT canary FROM shop.all_orders WHERE tenant = '{foreign}'

-- name: careless-view-unqualified
TABLE all_orders

-- name: careless-view-joined
SELECT a.canary FROM shop.orders o RIGHT JOIN shop.all_orders a USING (id)

-- name: careless-function
SELECT shop.order_count()

-- name: careless-function-of-foreign
SELECT * FROM shop.canaries_of('{foreign}')

-- name: careless-function-in-the-list
SELECT shop.canaries_of(tenant) FROM (VALUES ('101'), ('102')) v(tenant)

-- name: careless-function-by-attribute
SELECT ('{foreign}'::text).canaries_of

-- name: careless-function-lateral
SELECT c FROM (VALUES ('{foreign}')) v(t), LATERAL shop.canaries_of(v.t) c

-- name: careless-view-after-forging
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '{foreign}', true) AS s) SELECT a.canary FROM f, shop.all_orders a

-- name: careless-function-after-forging
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '{foreign}', true) AS s) SELECT shop.order_count() FROM f

-- name: careless-tell
SELECT shop.tell('x')

-- name: wall-enter
SELECT mcpdb.enter('{foreign_text}', pg_backend_pid(), 1, 1, '\x00')

-- name: wall-enter-null
SELECT mcpdb.enter(NULL, NULL, NULL, NULL, NULL)

-- name: wall-enter-after-clearing
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '', true) AS s) SELECT mcpdb.enter('{foreign_text}', NULL, (extract(epoch FROM now()) * 1000000)::bigint + 1000000, 1, sha256('x')) FROM f

-- name: wall-enter-in-the-from-list
SELECT canary FROM mcpdb.enter('{foreign_text}', NULL, 9000000000000000, 1, '\x'), shop.orders

-- name: wall-tenant
SELECT mcpdb.tenant()

-- name: wall-ids
SELECT mcpdb.ids()

-- name: wall-ids-of
SELECT mcpdb.ids_of('{foreign_text}')

-- name: wall-ids-of-a-bomb
SELECT mcpdb.ids_of('3:10')

-- name: wall-new-key
SELECT mcpdb.new_key('seal')

-- name: wall-lookup
SELECT mcpdb.store_ids()

-- name: wall-lookup-with-path
SELECT set_config('search_path', 'pg_temp', true), mcpdb.store_ids()

-- name: wall-run-again
SELECT * FROM mcpdb.run('TABLE shop.orders', 1, 1, NULL)

-- name: wall-run-by-attribute
SELECT ('TABLE shop.orders'::text).run

-- name: wall-unqualified
SELECT tenant(), ids()

-- name: wall-seal-again
-- varies: true
SELECT current_setting('{setting}')

-- name: wall-keys-by-lateral
SELECT k.* FROM shop.orders o LEFT JOIN LATERAL (SELECT ipad FROM mcpdb.keys WHERE o.id > 0) k ON true

-- name: wall-keys-as-a-record
SELECT (SELECT k FROM mcpdb.keys k LIMIT 1)
