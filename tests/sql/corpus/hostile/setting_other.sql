-- Settings beside the tenant's: roles, row security, the search path, the reader of literals.
-- aim: value

-- name: set-role-none
SELECT set_config('role', 'none', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-role-postgres
WITH r AS MATERIALIZED (SELECT set_config('role', 'postgres', true)) SELECT canary FROM r, shop.orders

-- name: set-role-owner
WITH r AS MATERIALIZED (SELECT set_config('role', (SELECT tableowner::text FROM pg_tables WHERE tablename = 'orders' AND schemaname = 'shop'), true) AS s) SELECT canary FROM r, shop.orders WHERE s <> ''

-- name: set-role-keeper
WITH r AS MATERIALIZED (SELECT set_config('role', (SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'mcpdb'), true) AS s) SELECT k.purpose, k.number FROM r, mcpdb.keys k

-- name: set-session-authorization
SELECT set_config('session_authorization', 'postgres', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-session-authorization-default
SELECT set_config('session_authorization', 'default', true), count(*) FROM shop.orders

-- name: set-is-superuser
SELECT set_config('is_superuser', 'on', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-row-security-off
WITH r AS MATERIALIZED (SELECT set_config('row_security', 'off', true) AS s) SELECT canary FROM r, shop.orders WHERE s = 'off'

-- name: set-row-security-off-counted
SELECT set_config('row_security', 'off', true), (SELECT count(*) FROM shop.items)

-- name: set-search-path-then-unqualified
WITH r AS MATERIALIZED (SELECT set_config('search_path', 'pg_temp, shop, public', true) AS s) SELECT canary FROM r, orders

-- name: set-search-path-before-catalog
SELECT set_config('search_path', 'shop, pg_catalog', true), (SELECT string_agg(canary, ',') FROM shop.all_orders)

-- name: set-transaction-read-write
SELECT set_config('transaction_read_only', 'off', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-default-transaction-read-only
SELECT set_config('default_transaction_read_only', 'off', false), count(*) FROM shop.orders

-- name: set-standard-conforming-strings
SELECT set_config('standard_conforming_strings', 'off', false), 'a\' || canary FROM shop.orders

-- name: set-plan-cache-and-force-generic
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-constraint-exclusion-and-leakproof
SELECT set_config('enable_seqscan', 'off', true), canary FROM shop.orders WHERE shop.tell(canary)

-- name: set-debug-parallel
SELECT set_config('debug_parallel_query', 'on', true), set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true), canary FROM shop.orders

-- name: set-client-encoding
SELECT set_config('client_encoding', 'SQL_ASCII', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-log-statement
SELECT set_config('log_statement', 'all', true), canary FROM shop.orders

-- name: set-local-preload
SELECT set_config('local_preload_libraries', 'x', true), canary FROM shop.orders

-- name: set-backtrace-and-messages
SELECT set_config('client_min_messages', 'debug5', true), set_config('debug_print_plan', 'on', true), canary FROM shop.orders

-- name: set-cleared-context
SELECT set_config('{setting}', NULL, true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-context-in-capitals-and-spaces
SELECT set_config('MCPDB.CTX', '*', true), set_config('mcpdb.ctx ', '*', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-neighbouring-settings
SELECT set_config('mcpdb.tenant', '{foreign}', true), set_config('mcpdb.ids', '{foreign}', true), set_config('app.tenant', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-ctx-spliced-with-own
SELECT set_config('{setting}', left(current_setting('{setting}'), 66) || '{foreign_text}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: set-ctx-number-of-other-key
SELECT set_config('{setting}', regexp_replace(current_setting('{setting}'), '^(.{64})\d+', '\12'), true), (SELECT string_agg(canary, ',') FROM shop.orders)
