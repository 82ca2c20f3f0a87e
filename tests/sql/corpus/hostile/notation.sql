-- Calls that are not written as calls, and calls in places where lists are nested.
-- aim: value

-- name: notation-sleep-of-a-number
-- aim: resource
SELECT (3::float8).pg_sleep

-- name: notation-sleep-of-a-column
-- aim: resource
SELECT v.n.pg_sleep FROM (VALUES (3::float8)) v(n)

-- name: notation-sleep-of-a-row-column
-- aim: resource
SELECT (n).pg_sleep FROM (SELECT 3::float8 AS n) q

-- name: notation-table-alias-as-argument
SELECT g.current_setting FROM unnest(ARRAY['data_directory']) AS g

-- name: notation-file-of-an-alias
SELECT g.pg_ls_dir FROM unnest(ARRAY['/etc']) AS g

-- name: notation-xact-id-of-a-row
SELECT o.pg_typeof, o.row_to_json FROM shop.orders o ORDER BY id LIMIT 1

-- name: notation-to-json-of-all-columns
SELECT i.to_jsonb FROM shop.items i WHERE id < 0

-- name: notation-order-by-attribute
-- aim: resource
SELECT 1 FROM (SELECT 3::float8 AS n) q ORDER BY (n).pg_sleep::text

-- name: notation-where-attribute
-- aim: resource
SELECT 1 FROM (SELECT 3::float8 AS n) q WHERE (q.n).pg_sleep IS NULL

-- name: notation-functional-column
SELECT canary(o), tenant(o) FROM shop.orders o WHERE tenant(o) = '{foreign}'

-- name: notation-functional-secret
SELECT secret(s) FROM shop.stores s

-- name: notation-secret-of-a-row
SELECT (s).secret FROM shop.stores s

-- name: notation-star-of-a-row
SELECT (s).* FROM shop.stores s

-- name: notation-expanded-function-result
SELECT (pg_stat_file('/etc/passwd')).*

-- name: notation-expanded-activity
-- aim: metadata
-- varies: true
SELECT (pg_stat_get_activity(NULL)).query

-- name: notation-subscript-then-attribute
SELECT ((ARRAY['data_directory'])[1]).current_setting

-- name: notation-cast-then-attribute
SELECT ('shop.orders'::regclass).pg_relation_filepath IS NULL

-- name: notation-nested-attributes
SELECT (('secret'::text).upper).lower, (('/etc/hostname'::text).pg_read_file).length

-- name: nested-rows-from
SELECT * FROM ROWS FROM (pg_ls_dir('/etc'), generate_series(1, 2)) AS f(a, b)

-- name: nested-rows-from-column-list
SELECT * FROM ROWS FROM (json_to_recordset('[{"a": 1}]') AS (a int), pg_sleep(0)) WITH ORDINALITY

-- name: nested-values-call
VALUES (current_setting('data_directory')), (pg_read_file('/etc/passwd'))

-- name: nested-values-in-from
SELECT * FROM (VALUES (1, pg_read_file('/etc/passwd'))) v

-- name: nested-in-list
SELECT 1 WHERE 'x' IN ('a', pg_read_file('/etc/passwd'))

-- name: nested-between
SELECT 1 WHERE 'x' BETWEEN SYMMETRIC pg_read_file('/etc/passwd') AND 'z'

-- name: nested-row-comparison
SELECT 1 WHERE (1, 'x') < (2, pg_read_file('/etc/passwd'))

-- name: nested-array-slice
SELECT (ARRAY[1, 2])[length(pg_read_file('/etc/passwd')):2]

-- name: nested-function-default-argument
SELECT jsonb_set('{}', ARRAY[pg_read_file('/etc/passwd')], '1')

-- name: nested-json-constructor
-- since: 16
SELECT JSON_OBJECT('a': pg_read_file('/etc/passwd')), JSON_ARRAY(current_setting('{setting}'))

-- name: nested-json-constructor-of-a-query
-- since: 16
SELECT JSON_ARRAY(SELECT manager FROM shop.managers)

-- name: nested-json-table-default
-- since: 17
SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a text PATH '$.a' DEFAULT pg_read_file('/etc/passwd') ON EMPTY)) t

-- name: nested-json-table-passing
-- since: 17
SELECT * FROM JSON_TABLE('{}', '$' PASSING pg_read_file('/etc/passwd') AS x COLUMNS (a text PATH '$x')) t

-- name: nested-json-value
-- since: 17
SELECT JSON_VALUE('{}', '$.a' DEFAULT pg_read_file('/etc/passwd') ON EMPTY)

-- name: nested-xmltable
SELECT * FROM XMLTABLE('/a' PASSING (pg_read_file('/etc/passwd')::xml) COLUMNS b text)

-- name: nested-xmlelement
SELECT XMLELEMENT(NAME a, pg_read_file('/etc/passwd'))

-- name: nested-window-definition
SELECT count(*) OVER w FROM shop.orders WINDOW w AS (PARTITION BY pg_read_file('/etc/passwd'))

-- name: nested-within-group
SELECT percentile_cont(length(pg_read_file('/etc/passwd'))) WITHIN GROUP (ORDER BY id) FROM shop.orders

-- name: nested-aggregate-order-by
SELECT string_agg(canary, ',' ORDER BY pg_read_file('/etc/passwd')) FROM shop.orders

-- name: nested-aggregate-filter
SELECT count(*) FILTER (WHERE pg_read_file('/etc/passwd') <> '') FROM shop.orders

-- name: nested-group-by-cube
SELECT count(*) FROM shop.orders GROUP BY CUBE (pg_read_file('/etc/passwd'), tenant)

-- name: nested-join-condition
SELECT 1 FROM shop.orders o JOIN shop.items i ON pg_read_file('/etc/passwd') <> ''

-- name: nested-limit-and-offset
SELECT 1 OFFSET length(pg_read_file('/etc/passwd')) LIMIT length(current_setting('data_directory'))

-- name: nested-search-and-cycle
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + length(pg_read_file('/etc/passwd')) FROM t WHERE n < 3) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT * FROM t

-- name: nested-set-operation-branch
SELECT 1 INTERSECT (SELECT 1 EXCEPT (VALUES (length(pg_read_file('/etc/passwd'))) UNION SELECT 2))

-- name: nested-collate-and-at-time-zone
SELECT now() AT TIME ZONE pg_read_file('/etc/passwd'), 'x' COLLATE "C" < pg_read_file('/etc/passwd')

-- name: nested-overlaps-and-extract
SELECT (now(), now()) OVERLAPS (now(), pg_read_file('/etc/passwd')::timestamptz)

-- name: nested-like-escape
SELECT 'a' LIKE 'b' ESCAPE pg_read_file('/etc/passwd')

-- name: nested-substring-similar
SELECT substring('a' SIMILAR 'b' ESCAPE pg_read_file('/etc/passwd')), overlay('a' PLACING pg_read_file('/etc/passwd') FROM 1)

-- name: nested-quantified-operator
SELECT 1 WHERE 'a' = ALL (ARRAY[pg_read_file('/etc/passwd')]) OR 'a' OPERATOR(pg_catalog.=) ANY (SELECT pg_read_file('/etc/passwd'))

-- name: nested-grouping
SELECT GROUPING(t), count(*) FROM (SELECT pg_read_file('/etc/passwd') AS t) q GROUP BY ROLLUP (t)

-- name: nested-boolean-test
SELECT 1 WHERE (pg_read_file('/etc/passwd') IS NOT DISTINCT FROM 'x') IS NOT UNKNOWN
