-- jsonb: operators, paths, functions.

-- name: json-arrows
SELECT id, note -> 'who' ->> 'canary', note #>> '{who,canary}', note #> '{lines,0}' FROM shop.orders ORDER BY id

-- name: json-containment
SELECT count(*) FROM shop.orders WHERE note @> '{"source": "web"}' AND NOT '{"gift": true}'::jsonb <@ note

-- name: json-key-exists
SELECT count(*) FROM shop.orders WHERE note ? 'gift' AND note ?| ARRAY['a', 'who'] AND note ?& ARRAY['who', 'lines']

-- name: json-path-match
SELECT count(*) FROM shop.orders WHERE note @@ '$.lines[0] > 10' AND note @? '$.lines[*] ? (@ > 5)'

-- name: json-path-query
SELECT id, jsonb_path_query_array(note, '$.lines[*] ? (@ % 2 == 0)') FROM shop.orders ORDER BY id

-- name: json-path-with-variables
SELECT count(*) FROM shop.orders WHERE jsonb_path_exists(note, '$.lines[*] ? (@ >= $least)', '{"least": 12}')

-- name: json-elements
SELECT o.id, e.value FROM shop.orders o, jsonb_array_elements_text(o.note -> 'lines') e ORDER BY 1, 2

-- name: json-each
SELECT e.key, count(*) FROM shop.orders o CROSS JOIN LATERAL jsonb_each(o.note) e GROUP BY e.key ORDER BY 1

-- name: json-subscript
SELECT note['who']['canary'], note['lines'][1] FROM shop.orders ORDER BY id LIMIT 3

-- name: json-build
SELECT jsonb_build_object('id', id, 'tags', to_jsonb(tags), 'when', placed::date) FROM shop.orders ORDER BY id LIMIT 3

-- name: json-of-rows
SELECT to_jsonb(s) ->> 'name' FROM (SELECT id, name FROM shop.stores) s ORDER BY 1

-- name: json-recordset
SELECT r.a, r.b FROM jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS r(a int, b text) ORDER BY 1

-- name: json-delete-and-concat
SELECT (note - 'who' || '{"seen": true}') #- '{lines,1}' FROM shop.orders ORDER BY id LIMIT 2

-- name: json-set-and-strip
SELECT jsonb_set('{"a": {"b": 1}}', '{a,b}', '2'), jsonb_strip_nulls('{"a": null, "b": 1}'), jsonb_pretty('[1]')

-- name: json-typeof
SELECT jsonb_typeof(note -> 'gift'), count(*) FROM shop.orders GROUP BY 1

-- name: json-cast
SELECT sum((note -> 'lines' -> 0)::int) FROM shop.orders WHERE (note -> 'gift')::boolean

-- name: json-is-json
-- since: 16
SELECT note::text IS JSON OBJECT, '[1]' IS JSON ARRAY WITH UNIQUE KEYS, 'x' IS NOT JSON FROM shop.orders LIMIT 1

-- name: json-constructors
-- since: 16
SELECT JSON_OBJECT('id': id, 'name': name ABSENT ON NULL), JSON_ARRAY(id, city) FROM shop.stores ORDER BY id

-- name: json-table
-- since: 17
SELECT t.source, count(*) FROM shop.orders o, JSON_TABLE(o.note, '$' COLUMNS (source text PATH '$.source', NESTED PATH '$.lines[*]' COLUMNS (line int PATH '$'))) t GROUP BY 1 ORDER BY 1

-- name: json-value-and-query
-- since: 17
SELECT JSON_VALUE(note, '$.source'), JSON_QUERY(note, '$.lines'), JSON_EXISTS(note, '$.gift') FROM shop.orders ORDER BY id LIMIT 3

-- name: json-object-keys
SELECT DISTINCT k FROM shop.orders, jsonb_object_keys(note) AS k ORDER BY k

-- name: json-literal-with-braces
SELECT '{"sql": "DROP TABLE orders; --"}'::jsonb ->> 'sql'
