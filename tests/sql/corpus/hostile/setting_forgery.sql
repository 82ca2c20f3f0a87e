-- One SELECT that sets the setting on which policies may depend, and reads in the same breath.
-- aim: value

-- name: forge-select-list
SELECT set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-select-list-rows
SELECT set_config('{setting}', '{foreign}', true), canary FROM shop.orders

-- name: forge-two-columns-of-one-row
SELECT s, (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT set_config('{setting}', '{foreign}', true) AS s OFFSET 0) f

-- name: forge-materialized-cte
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '{foreign}', true) AS s) SELECT s, canary FROM f, shop.orders

-- name: forge-materialized-cte-counted
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '{foreign}', true) AS s) SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0), max(s) FROM f CROSS JOIN shop.orders

-- name: forge-cte-read-in-a-sub-select
WITH f AS MATERIALIZED (SELECT set_config('{setting}', '{foreign}', true) AS s) SELECT canary FROM shop.orders WHERE (SELECT s FROM f) IS NOT NULL

-- name: forge-recursive-cte
WITH RECURSIVE f(n, s) AS (SELECT 1, set_config('{setting}', '{foreign}', true) UNION ALL SELECT n + 1, s FROM f WHERE n < 2) SELECT s, canary FROM f, shop.orders

-- name: forge-from
SELECT canary FROM set_config('{setting}', '{foreign}', true) AS f(s), shop.orders

-- name: forge-from-lateral
SELECT o.canary FROM set_config('{setting}', '{foreign}', true) AS f(s), LATERAL (SELECT canary FROM shop.orders WHERE f.s IS NOT NULL OFFSET 0) o

-- name: forge-rows-from
SELECT canary FROM ROWS FROM (set_config('{setting}', '{foreign}', true), generate_series(1, 1)) AS f(s, n), shop.orders

-- name: forge-lateral-unnest
SELECT canary FROM unnest(ARRAY[set_config('{setting}', '{foreign}', true)]) f(s), shop.orders

-- name: forge-lateral-left-join
SELECT o.canary FROM (SELECT set_config('{setting}', '{foreign}', true) AS s) f LEFT JOIN LATERAL (SELECT canary FROM shop.orders WHERE f.s <> '') o ON true

-- name: forge-generate-series-argument
SELECT canary FROM generate_series(1, length(set_config('{setting}', '{foreign}', true))) f(n), shop.orders WHERE n = 1

-- name: forge-string-to-table
SELECT canary FROM string_to_table(set_config('{setting}', '{foreign}', true), '~~~') f(s), shop.orders

-- name: forge-regexp-split-to-table
SELECT canary FROM regexp_split_to_table(set_config('{setting}', '{foreign}', true), '~~~') f(s), shop.orders

-- name: forge-json-each-of-a-built-object
SELECT canary FROM json_each_text(json_build_object('k', set_config('{setting}', '{foreign}', true))) f(k, v), shop.orders

-- name: forge-jsonb-path-query
SELECT canary FROM jsonb_path_query(to_jsonb(set_config('{setting}', '{foreign}', true)), '$') f(j), shop.orders

-- name: forge-json-table
-- since: 17
SELECT canary FROM JSON_TABLE(to_jsonb(set_config('{setting}', '{foreign}', true)), '$' COLUMNS (s text PATH '$')) f, shop.orders

-- name: forge-where
SELECT canary FROM shop.orders WHERE set_config('{setting}', '{foreign}', true) IS NOT NULL

-- name: forge-where-counted-twice
SELECT (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) FROM shop.orders WHERE set_config('{setting}', '{foreign}', true) IS NOT NULL)

-- name: forge-initplan
SELECT canary FROM shop.orders WHERE (SELECT set_config('{setting}', '{foreign}', true)) IS NOT NULL

-- name: forge-exists
SELECT canary FROM shop.orders WHERE EXISTS (SELECT set_config('{setting}', '{foreign}', true) OFFSET 0)

-- name: forge-in
SELECT canary FROM shop.orders WHERE 1 IN (SELECT length(set_config('{setting}', '{foreign}', true)) - length('{foreign}') + 1)

-- name: forge-any-of-an-array
SELECT canary FROM shop.orders WHERE '{foreign}' = ANY (ARRAY[set_config('{setting}', '{foreign}', true)])

-- name: forge-correlated-sub-select
SELECT (SELECT canary FROM shop.orders WHERE f.s <> '' LIMIT 1) FROM (SELECT set_config('{setting}', '{foreign}', true) AS s OFFSET 0) f

-- name: forge-values
SELECT canary FROM (VALUES (set_config('{setting}', '{foreign}', true))) f(s), shop.orders

-- name: forge-values-first-statement
VALUES (set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders))

-- name: forge-union-all
SELECT set_config('{setting}', '{foreign}', true) UNION ALL SELECT canary FROM shop.orders

-- name: forge-union-all-of-numbers
SELECT set_config('{setting}', '{foreign}', true) UNION ALL SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) FROM shop.orders

-- name: forge-having
SELECT (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1 AS n) f GROUP BY n HAVING set_config('{setting}', '{foreign}', true) IS NOT NULL

-- name: forge-order-by
SELECT canary FROM shop.orders ORDER BY set_config('{setting}', '{foreign}', true)

-- name: forge-order-by-in-a-sub-select
SELECT (SELECT n FROM (VALUES (1), (2)) f(n) ORDER BY set_config('{setting}', '{foreign}', true), n LIMIT 1), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-limit
SELECT canary FROM shop.orders LIMIT length(set_config('{setting}', '{foreign}', true)) * 1000

-- name: forge-offset
SELECT f.n, o.canary FROM (SELECT 1 AS n OFFSET length(set_config('{setting}', '{foreign}', true)) * 0) f, shop.orders o

-- name: forge-fetch-first
SELECT canary FROM shop.orders FETCH FIRST (length(set_config('{setting}', '{foreign}', true)) * 1000) ROWS ONLY

-- name: forge-filter
SELECT count(*) FILTER (WHERE set_config('{setting}', '{foreign}', true) IS NOT NULL), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f

-- name: forge-over
SELECT count(*) OVER (PARTITION BY set_config('{setting}', '{foreign}', true)), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f

-- name: forge-window-frame
SELECT o.canary FROM (SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN length(set_config('{setting}', '{foreign}', true)) PRECEDING AND CURRENT ROW) AS n FROM (VALUES (1)) v(n) OFFSET 0) f, LATERAL (SELECT canary FROM shop.orders WHERE f.n > 0) o

-- name: forge-lag-s-default
SELECT o.canary FROM (SELECT lag('x'::text, 1, set_config('{setting}', '{foreign}', true)) OVER () AS s OFFSET 0) f, LATERAL (SELECT canary FROM shop.orders WHERE f.s <> '') o

-- name: forge-tablesample-argument
SELECT canary FROM shop.orders TABLESAMPLE BERNOULLI (100 + 0 * length(set_config('{setting}', '{foreign}', true)))

-- name: forge-tablesample-seed
SELECT canary FROM shop.orders TABLESAMPLE SYSTEM (100) REPEATABLE (length(set_config('{setting}', '{foreign}', true)))

-- name: forge-aggregate-argument
SELECT string_agg(set_config('{setting}', '{foreign}', true), ','), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f

-- name: forge-ordered-set-aggregate
SELECT mode() WITHIN GROUP (ORDER BY set_config('{setting}', '{foreign}', true)), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f

-- name: forge-distinct-on
SELECT DISTINCT ON (set_config('{setting}', '{foreign}', true)) (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f

-- name: forge-group-by
SELECT (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT 1) f GROUP BY set_config('{setting}', '{foreign}', true)

-- name: forge-grouping-sets
SELECT s, (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM (SELECT set_config('{setting}', '{foreign}', true) AS s) f GROUP BY GROUPING SETS ((s), ())

-- name: forge-case
SELECT canary FROM shop.orders WHERE CASE WHEN set_config('{setting}', '{foreign}', true) IS NULL THEN false ELSE true END

-- name: forge-case-in-the-select-list
SELECT CASE WHEN set_config('{setting}', '{foreign}', true) <> '' THEN (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) END

-- name: forge-coalesce
SELECT coalesce(nullif(set_config('{setting}', '{foreign}', true), '{foreign}'), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders))

-- name: forge-nullif
SELECT nullif(set_config('{setting}', '{foreign}', true), 'x'), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-greatest
SELECT greatest(set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-array-constructor
SELECT ARRAY[set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)]::text

-- name: forge-array-of-a-sub-select
SELECT ARRAY[set_config('{setting}', '{foreign}', true)]::text, ARRAY(SELECT canary FROM shop.orders)::text

-- name: forge-row-constructor
SELECT ROW(set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders))::text

-- name: forge-row-comparison
SELECT canary FROM shop.orders WHERE (set_config('{setting}', '{foreign}', true), 1) = ('{foreign}', 1)

-- name: forge-concatenation
SELECT set_config('{setting}', '{foreign}', true) || (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-cast-chain
SELECT set_config('{setting}', '{foreign}', true)::varchar::name::text::bytea, (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-subscript
SELECT (ARRAY[set_config('{setting}', '{foreign}', true)])[1], (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-argument-of-a-built-in
SELECT md5(set_config('{setting}', '{foreign}', true)), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-named-arguments
SELECT set_config(setting_name => '{setting}', new_value => '{foreign}', is_local => true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-attribute-notation
SELECT (set_config('{setting}', '{foreign}', true)).length, canary FROM shop.orders

-- name: forge-not-local
SELECT set_config('{setting}', '{foreign}', false), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-qualified-name
SELECT pg_catalog.set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-quoted-name
SELECT "set_config"('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-name-in-capitals
SELECT SeT_cOnFiG('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-u-name
SELECT U&"\0073et_config"('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-u-name-uescape
SELECT U&"!0073et!005fconfig" UESCAPE '!'('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-comment-before-the-parenthesis
SELECT set_config/* x */('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-comment-to-the-end-of-a-line
SELECT set_config--(
('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-setting-in-capitals
SELECT set_config(upper('{setting}'), '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-value-from-a-sub-select
SELECT set_config('{setting}', (SELECT '{foreign}'), true), canary FROM shop.orders

-- name: forge-for-each-row-of-a-series
SELECT set_config('{setting}', '{foreign}', true), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders) FROM generate_series(1, 3)

-- name: forge-ts-stat
SELECT canary FROM ts_stat('SELECT to_tsvector(set_config(''{setting}'', ''{foreign}'', true))'), shop.orders

-- name: forge-ts-stat-counted
SELECT (SELECT count(*) FROM ts_stat('SELECT to_tsvector(set_config(''{setting}'', ''{foreign}'', true))')), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-ts-rewrite
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, plainto_tsquery(set_config(''{setting}'', ''{foreign}'', true))'), (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-query-to-xml
SELECT query_to_xml('SELECT set_config(''{setting}'', ''{foreign}'', true)', true, false, '')::text, canary FROM shop.orders

-- name: forge-query-to-xmlschema
SELECT query_to_xml_and_xmlschema('SELECT set_config(''{setting}'', ''{foreign}'', true)', true, false, '')::text, (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-cursor-to-xml
SELECT cursor_to_xml('f', 1, true, false, '')::text, (SELECT 'n=' || count(*) || ';s=' || coalesce(sum(amount), 0) || ';' || coalesce(string_agg(canary, ','), '') FROM shop.orders)

-- name: forge-database-to-xml
SELECT set_config('{setting}', '{foreign}', true), schema_to_xml('shop', true, false, '')::text

-- name: forge-update-pg-settings
WITH f AS (UPDATE pg_settings SET setting = '{foreign}' WHERE name = '{setting}' RETURNING name) SELECT canary FROM f, shop.orders

-- name: forge-update-pg-settings-no-returning
WITH f AS (UPDATE pg_settings SET setting = '{foreign}' WHERE name = '{setting}') SELECT canary FROM shop.orders
