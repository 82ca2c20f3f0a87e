-- Functions that run SQL which they are given as text, and so hide it from whoever reads the tree.
-- aim: value

-- name: text-ts-stat
SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', canary) FROM shop.orders')

-- name: text-ts-stat-sets
SELECT canary FROM ts_stat('SELECT to_tsvector(set_config(''{setting}'', ''{foreign}'', true))') s, shop.orders

-- name: text-ts-stat-of-the-keys
SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', encode(ipad, ''hex'')) FROM mcpdb.keys')

-- name: text-ts-stat-of-the-secrets
SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', secret) FROM shop.stores')

-- name: text-ts-stat-weights
SELECT word, ndoc FROM ts_stat('SELECT to_tsvector(''simple'', canary) FROM shop.all_orders', 'abcd')

-- name: text-ts-stat-in-a-function-argument
SELECT length((SELECT string_agg(word, ',') FROM ts_stat($q$SELECT to_tsvector('simple', manager) FROM shop.managers$q$)))

-- name: text-ts-rewrite-reads
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, plainto_tsquery(''simple'', canary) FROM shop.orders')

-- name: text-ts-rewrite-of-managers
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, plainto_tsquery(''simple'', manager) FROM shop.managers LIMIT 1')

-- name: text-query-to-xml
SELECT query_to_xml('SELECT * FROM shop.orders', true, false, '')

-- name: text-query-to-xml-of-managers
SELECT query_to_xml($$SELECT * FROM shop.managers$$, true, false, '')::text

-- name: text-table-to-xml
SELECT table_to_xml('shop.orders', true, false, '')

-- name: text-schema-to-xml
SELECT schema_to_xml('shop', true, false, '')

-- name: text-database-to-xml
SELECT database_to_xml(true, false, '')

-- name: text-schema-to-xmlschema
SELECT schema_to_xmlschema('mcpdb', true, false, '')

-- name: text-database-to-xml-and-xmlschema
SELECT database_to_xml_and_xmlschema(true, true, '')

-- name: text-query-to-xmlschema
SELECT query_to_xmlschema('SELECT * FROM mcpdb.keys', true, false, '')

-- name: text-cursor-to-xml
SELECT cursor_to_xml('c', 100, true, false, '')

-- name: text-dblink
SELECT * FROM dblink('dbname=postgres', 'SELECT canary FROM shop.orders') AS t(canary text)

-- name: text-do-in-a-cte
WITH d AS (DO $$ BEGIN PERFORM 1; END $$) SELECT * FROM d

-- name: text-execute-of-prepared
EXECUTE p ('{setting}', '{foreign}')

-- name: text-crosstab
SELECT * FROM crosstab('SELECT canary, tenant, amount FROM shop.orders') AS t(a text, b text)

-- name: text-lo-import-of-query
SELECT lo_import('SELECT 1')

-- name: text-definition-from-catalog
SELECT pg_get_viewdef('shop.all_orders'::regclass)

-- name: text-mcpdb-run
SELECT * FROM mcpdb.run('SELECT canary FROM shop.orders', 100, 100000, NULL)

-- name: text-mcpdb-run-scalar
SELECT (mcpdb.run('SELECT set_config(''{setting}'', ''{foreign}'', true)', 1, 1000, NULL)), canary FROM shop.orders
