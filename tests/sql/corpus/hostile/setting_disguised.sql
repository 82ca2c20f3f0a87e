-- The same call, written so that whoever looks for its name does not find it.
-- aim: value

-- name: disguised-tab-before-parenthesis
SELECT set_config<U+0009>('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-form-feed-and-vertical-tab
SELECT<U+000C>set_config<U+000B>('{setting}','{foreign}',true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-crlf
SELECT set_config<U+000D>
('{setting}', '{foreign}', true),<U+000D>
(SELECT string_agg(canary, ',')<U+000D> FROM shop.orders)

-- name: disguised-nested-comment
SELECT set_config/* a /* b */ c */('{setting}', /* , */ '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-comment-with-quote
SELECT 1 /* ' */, set_config('{setting}', '{foreign}', true) /* ' */, (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-comment-within-qualified-name
SELECT pg_catalog/**/./**/set_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-quoted-schema
SELECT "pg_catalog"."set_config"('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-unicode-schema
SELECT U&"pg\005fcatalog".U&"set\005fconfig"('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-six-digit-escape
SELECT U&"\+000073et_config"('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-database-qualified
SELECT postgres.pg_catalog.set_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-variadic
SELECT set_config(VARIADIC ARRAY['{setting}', '{foreign}', 'true']), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-named-old-style
SELECT set_config(setting_name := '{setting}', new_value := '{foreign}', is_local := true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-mixed-arguments
SELECT set_config('{setting}', is_local => true, new_value => '{foreign}'), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-name-in-escape-string
SELECT set_config(E'\x6d' || substr('{setting}', 2), '{foreign}', true), set_config('{setting}', E'{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-name-from-concat
SELECT set_config(concat(left('{setting}', 3), substr('{setting}', 4)), reverse(reverse('{foreign}')), true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-name-from-dollar-quote
SELECT set_config($a${setting}$a$, $${foreign}$$, true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-name-from-chr
SELECT set_config((SELECT string_agg(chr(ascii(c)), '' ORDER BY n) FROM string_to_table('{setting}', NULL) WITH ORDINALITY AS s(c, n)), '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-national-literal
SELECT set_config(N'{setting}', N'{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-continued-literal
SELECT set_config('{setting}'
'', '{foreign}'
'', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-boolean-texts
SELECT set_config('{setting}', '{foreign}', 'yes'), set_config('{setting}', '{foreign}', bool 'on'), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-procedure-oid
SELECT ('pg_catalog.set_config'::regproc)('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-operator-of-function
SELECT '{setting}' OPERATOR(pg_catalog.||) set_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-alias-is-a-keyword
SELECT "select".canary FROM (SELECT set_config('{setting}', '{foreign}', true) AS "from" OFFSET 0) "where", shop.orders "select"

-- name: disguised-fullwidth-letters
SELECT <U+FF53>et_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-soft-hyphen
SELECT set_con<U+00AD>fig('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-no-break-space
SELECT<U+00A0>set_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-byte-order-mark
<U+FEFF>SELECT set_config('{setting}', '{foreign}', true), (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-long-name-is-cut
SELECT set_config('{setting}', '{foreign}', true) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, (SELECT string_agg(canary, ',') FROM shop.orders)

-- name: disguised-current-setting-guess
SELECT current_setting('{setting}') LIKE '%101%' AS is_north, canary FROM shop.orders WHERE tenant <> split_part(current_setting('{setting}'), ':', 3)
