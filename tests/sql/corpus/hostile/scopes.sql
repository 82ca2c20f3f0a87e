-- Names that mean one relation to a reader and another to PostgreSQL: CTEs, aliases, schemas.
-- aim: value

-- name: scope-cte-named-as-a-table
WITH managers AS (SELECT 1 AS manager) SELECT manager FROM shop.managers

-- name: scope-cte-seen-too-early
WITH a AS (SELECT * FROM managers), managers AS (SELECT 'x' AS manager) SELECT * FROM a

-- name: scope-cte-of-an-inner-query
SELECT * FROM (WITH tenants AS (SELECT 'x' AS id) SELECT id FROM tenants) q, tenants

-- name: scope-cte-of-a-sibling-branch
(WITH pg_authid AS (SELECT 1 AS rolname) SELECT rolname FROM pg_authid) UNION ALL SELECT 1 FROM pg_authid

-- name: scope-cte-not-recursive
WITH pg_shadow AS (SELECT passwd FROM pg_shadow) SELECT * FROM pg_shadow

-- name: scope-cte-recursive-itself
WITH RECURSIVE tenants AS (SELECT id FROM shop.tenants UNION SELECT id FROM tenants) SELECT * FROM tenants

-- name: scope-cte-shadows-a-catalog
WITH pg_class AS (SELECT 1 AS n) SELECT c.reltuples FROM pg_catalog.pg_class c, pg_class WHERE c.relname = 'pg_type' AND false

-- name: scope-cte-in-a-sub-select-of-the-list
SELECT (WITH keys AS (SELECT 1 AS n) SELECT n FROM keys), (SELECT count(*) FROM mcpdb.keys)

-- name: scope-cte-with-quoted-capitals
WITH "MANAGERS" AS (SELECT 1 AS manager) SELECT * FROM MANAGERS

-- name: scope-cte-with-a-qualified-look
WITH "mcpdb.keys" AS (SELECT 1 AS n) SELECT * FROM mcpdb.keys

-- name: scope-cte-of-an-insert
WITH x AS (SELECT 1) INSERT INTO shop.products SELECT 1 FROM x

-- name: scope-cte-within-a-with
WITH a AS (WITH b AS (SELECT id FROM shop.orders) SELECT id FROM b) SELECT * FROM b

-- name: scope-cte-in-from-of-a-lateral
SELECT * FROM shop.orders o, LATERAL (WITH m AS (SELECT o.id) SELECT * FROM managers) x

-- name: scope-alias-as-a-schema
SELECT mcpdb.keys FROM shop.orders mcpdb

-- name: scope-alias-hides-a-table
SELECT managers.manager FROM shop.orders managers

-- name: scope-alias-and-the-table-itself
SELECT orders.canary FROM shop.orders AS o, shop.managers AS orders

-- name: scope-join-alias
SELECT j.secret FROM (shop.orders o JOIN shop.stores s ON s.id = o.customer_id % 5) j

-- name: scope-join-using-alias
SELECT x.id FROM shop.orders JOIN shop.stores USING (id) AS x

-- name: scope-natural-join-with-managers
SELECT * FROM shop.stores NATURAL JOIN shop.managers

-- name: scope-unqualified-mapping
SELECT * FROM managers

-- name: scope-temporary-schema
SELECT * FROM pg_temp.orders

-- name: scope-temporary-schema-number
SELECT * FROM pg_temp_3.orders

-- name: scope-toast-table
SELECT * FROM pg_toast.pg_toast_2619

-- name: scope-public-table
SELECT * FROM public.orders

-- name: scope-database-qualified
SELECT * FROM postgres.shop.orders

-- name: scope-index-as-a-table
SELECT * FROM shop.orders_tenant

-- name: scope-composite-type-as-a-table
SELECT * FROM shop.orders.canary

-- name: scope-quoted-dots
SELECT * FROM "shop.managers"

-- name: scope-capital-schema
SELECT manager FROM "SHOP"."MANAGERS"

-- name: scope-capital-unquoted
SELECT MANAGER FROM ShOp.MaNaGeRs

-- name: scope-unicode-name
SELECT * FROM U&"sh\006fp".U&"m\0061nagers"

-- name: scope-table-command
TABLE shop.managers

-- name: scope-only-parentheses
SELECT * FROM ONLY (shop.managers)

-- name: scope-type-of-a-hidden-table
SELECT NULL::shop.managers, (NULL::mcpdb.keys).ipad

-- name: scope-record-of-a-hidden-table
SELECT * FROM jsonb_populate_record(NULL::mcpdb.keys, '{"number": 1}')

-- name: scope-regclass-cast
SELECT 'mcpdb.keys'::regclass::oid > 0, to_regclass('shop.managers'), 'shop.orders'::regclass::text

-- name: scope-reg-casts-of-all-kinds
SELECT 'postgres'::regrole, 'mcpdb'::regnamespace, 'set_config'::regproc, 'mcpdb.tenant()'::regprocedure, 'text'::regtype

-- name: scope-cast-from-a-number
SELECT 1260::regclass, 10::oid::regrole, n::regclass::text FROM generate_series(1247, 1262) n
