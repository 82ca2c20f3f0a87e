"""What a statement may be."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "  ; -- nothing before\n SELECT 1 ; ; /* and /* after */ */ ;",
        "VALUES (1, 'a'), (2, 'b')",
        "TABLE orders",
        "(SELECT 1)",
        "SELECT 1 UNION ALL SELECT 2 EXCEPT (SELECT 3 INTERSECT SELECT 4) ORDER BY 1",
        "SELECT",
        "WITH a AS (SELECT 1 AS n) SELECT n FROM a",
        "WITH a AS MATERIALIZED (VALUES (1)), b AS NOT MATERIALIZED (TABLE a) TABLE b",
        "WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM a",
    ],
)
def test_a_query_is_accepted(guard: Guard, sql: str) -> None:
    guard.inspect(sql)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("INSERT INTO orders VALUES (1)", "INSERT"),
        ("UPDATE orders SET order_id = 1", "UPDATE"),
        ("DELETE FROM orders", "DELETE"),
        ("MERGE INTO orders o USING notes n ON true WHEN MATCHED THEN DELETE", "MERGE"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
        ("SHOW ALL", "SHOW"),
        ("SET role = x", "SET"),
        ("RESET ALL", "SET"),
        ("COPY orders TO PROGRAM 'cat'", "COPY"),
        ("COPY (SELECT 1) TO STDOUT", "COPY"),
        ("DO $$ BEGIN END $$", "DO"),
        ("CALL f()", "CALL"),
        ("PREPARE a AS SELECT 1", "PREPARE"),
        ("EXECUTE a", "EXECUTE"),
        ("DECLARE c CURSOR FOR SELECT 1", "DECLARE"),
        ("FETCH 1 FROM c", "FETCH"),
        ("COMMIT", "COMMIT"),
        ("LOCK orders", "LOCK"),
        ("LISTEN x", "LISTEN"),
        ("NOTIFY x", "NOTIFY"),
        ("TRUNCATE orders", "TRUNCATE"),
        ("CREATE TABLE t (a int)", "CREATE TABLE"),
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE AS"),
        ("DROP TABLE orders", "DROP"),
        ("VACUUM", "VACUUM"),
        ("ALTER SYSTEM SET a = 1", "A statement that is not a query"),
        ("CREATE EXTENSION dblink", "A statement that is not a query"),
    ],
)
def test_another_statement_is_refused_by_its_word(refused: Refuse, sql: str, word: str) -> None:
    error = refused(sql)
    assert word in error.message
    assert error.position == 1
    assert "SELECT" in error.hint


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("SELECT 1; SELECT 2", 11),
        ("SELECT 'é';  DROP TABLE orders", 14),
        (";SELECT 1;;\nSELECT 2;", 13),
        ("SELECT 1; /* a /* é */ -- */ -- b\n SELECT 2", 36),
        ("SELECT 1; /* a /* b */ */ DROP TABLE orders", 27),
        ("SELECT 1; /**/SELECT 2", 15),
    ],
)
def test_a_second_statement_is_refused_where_it_begins(
    refused: Refuse, sql: str, position: int
) -> None:
    error = refused(sql)
    assert "second statement" in error.message
    assert error.position == position


@pytest.mark.parametrize("sql", ["", " ", ";", "-- SELECT 1", "/* SELECT 1 */ ;\n;"])
def test_nothing_is_refused(refused: Refuse, sql: str) -> None:
    assert refused(sql).message == "There is no SQL in this."


@pytest.mark.parametrize(
    "writing",
    [
        "INSERT INTO orders VALUES (1) RETURNING 1",
        "UPDATE orders SET order_id = 1 RETURNING 1",
        "DELETE FROM orders RETURNING 1",
        "MERGE INTO orders o USING notes n ON true WHEN MATCHED THEN DELETE RETURNING 1",
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "WITH w AS ({}) SELECT * FROM w",
        "WITH w AS (SELECT 1), v AS ({}) SELECT * FROM w",
        "SELECT * FROM (WITH w AS ({}) SELECT * FROM w) x",
        "SELECT 1 WHERE EXISTS (WITH w AS ({}) SELECT * FROM w)",
        "WITH a AS (WITH w AS ({}) SELECT 1) SELECT 1",
        "SELECT 1 UNION (WITH w AS ({}) SELECT 1)",
    ],
)
def test_nothing_is_written_within_a_query(refused: Refuse, writing: str, around: str) -> None:
    error = refused(around.format(writing))
    assert writing.split(maxsplit=1)[0] in error.message
    assert error.position is not None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 INTO t", "SELECT ... INTO"),
        ("SELECT 1 INTO TEMP t", "SELECT ... INTO"),
        ("WITH a AS (SELECT 1) SELECT * INTO t FROM a", "SELECT ... INTO"),
        ("SELECT * FROM orders FOR UPDATE", "FOR UPDATE"),
        ("SELECT * FROM orders o FOR NO KEY UPDATE OF o NOWAIT", "FOR UPDATE"),
        ("SELECT * FROM (SELECT * FROM orders FOR SHARE SKIP LOCKED) o", "FOR UPDATE"),
        ("SELECT * FROM orders FOR KEY SHARE", "FOR UPDATE"),
        ("SELECT $1", "A parameter ($1)"),
        ("SELECT * FROM orders LIMIT $2", "A parameter ($1)"),
        ("VALUES (DEFAULT)", "DEFAULT"),
        ("SELECT merge_action()", "MERGE_ACTION()"),
        ("SELECT * FROM orders TABLESAMPLE system (1)", "TABLESAMPLE"),
        ("SELECT * FROM orders TABLESAMPLE bernoulli (pg_sleep(1)) REPEATABLE (1)", "TABLESAMPLE"),
        ("SELECT xmlelement(name a)", "An XML expression"),
        ("SELECT xmlparse(document '<a/>')", "An XML expression"),
        ("SELECT 1 IS DOCUMENT", "An XML expression"),
        ("SELECT xmlserialize(content '<a/>' AS text)", "XMLSERIALIZE"),
        ("SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS b int)", "XMLTABLE"),
    ],
)
def test_what_a_query_may_not_have_is_refused_in_the_words_of_sql(
    refused: Refuse, sql: str, words: str
) -> None:
    assert refused(sql).message.startswith(words)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DISTINCT ON (o.store_id) o.* FROM orders o ORDER BY o.store_id, o.ordered_on DESC",
        "SELECT DISTINCT store_id FROM orders LIMIT ALL OFFSET 1 + 1",
        "SELECT * FROM orders ORDER BY ordered_on NULLS LAST FETCH FIRST 3 ROWS WITH TIES",
        "SELECT store_id, count(*) FROM orders GROUP BY ROLLUP (store_id, (customer_id)), CUBE (1)",
        "SELECT grouping(store_id) FROM orders GROUP BY GROUPING SETS ((store_id), ()) HAVING true",
        (
            "SELECT count(*) FILTER (WHERE total > 1), percentile_cont(0.5) WITHIN GROUP"
            " (ORDER BY total) FROM order_items GROUP BY DISTINCT product_id"
        ),
        (
            "SELECT sum(total) OVER w, lag(total, 1) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT"
            " ROW EXCLUDE TIES) FROM order_items"
            " WINDOW w AS (PARTITION BY product_id ORDER BY quantity)"
        ),
        "SELECT * FROM orders o, LATERAL (SELECT 1 AS one WHERE o.store_id = 1) l",
        "SELECT * FROM orders o LEFT JOIN LATERAL generate_series(1, o.store_id) g(n) ON true",
        "SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(n, place)",
        "SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY[1, 2])) AS r(a, b)",
        "SELECT * FROM orders NATURAL FULL JOIN order_items CROSS JOIN products",
        "SELECT j.store_id FROM (orders JOIN order_items USING (order_id)) AS j",
        "SELECT u.order_id FROM orders JOIN order_items USING (order_id) AS u",
        "SELECT ROW(1, 2) < (3, 4), (1, 2) = ANY (SELECT 1, 2), 1 = ALL (ARRAY[1])",
        "SELECT 1 IS DISTINCT FROM 2, 1 BETWEEN SYMMETRIC 2 AND 0, 'a' SIMILAR TO 'b' ESCAPE 'c'",
        "SELECT 'a' LIKE 'b' ESCAPE 'c', 'a' NOT ILIKE 'b', true IS NOT UNKNOWN, 1 NOTNULL",
        "SELECT now() AT TIME ZONE 'UTC', now() AT LOCAL, date '2024-01-01', interval '1' month",
        "SELECT make_interval(days => 1), concat(VARIADIC ARRAY['a', 'b'])",
        "SELECT (ARRAY[1, 2, 3])[1:2], ARRAY[[1], [2]], ARRAY(SELECT 1), (ARRAY[1])[:]",
        "SELECT $$set_config$$, $x$DROP TABLE$x$, E'\\n', U&'\\0061', B'101', X'1F', 0x1F, 1_000",
        'SELECT U&"\\0061bs"(1), "abs"(2), pg_catalog.abs(3), "count"(*) FROM orders',
        "SELECT extract(year FROM now()), trim(BOTH 'x' FROM 'xax'), position('a' IN 'ba')",
        "SELECT substring('abc' FROM 1 FOR 2), substring('a' SIMILAR 'b' ESCAPE '#')",
        "SELECT overlay('abc' PLACING 'x' FROM 1), normalize('a', NFC), 'a' IS NFC NORMALIZED",
        "SELECT (now(), now()) OVERLAPS (now(), interval '1 day')",
        (
            "SELECT CASE store_id WHEN 1 THEN 'a' ELSE 'b' END, coalesce(1, 2), nullif(1, 2),"
            " greatest(1, 2), least(1, 2) FROM orders"
        ),
        "SELECT 'a' COLLATE \"C\", 'a' COLLATE pg_catalog.\"POSIX\" ORDER BY 1 USING <",
        (
            "SELECT '[1,2]'::vector <=> embedding, embedding OPERATOR(public.<->) '[1]',"
            " 1 OPERATOR(pg_catalog.+) 2 FROM products"
        ),
        "SELECT to_tsvector('english', name) @@ websearch_to_tsquery('english', 'a') FROM products",
        "SELECT current_date, current_time(1), current_timestamp, localtime, localtimestamp(2)",
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SEARCH DEPTH FIRST BY"
            " n SET o CYCLE n SET c TO true DEFAULT false USING p SELECT t.n, t.o, t.c, t.p FROM t"
        ),
        "SELECT 'a; DROP TABLE orders', 'SELECT pg_sleep(1)' -- FOR UPDATE\n AS \"insert\"",
    ],
)
def test_the_sql_of_analysts_is_accepted(guard: Guard, sql: str) -> None:
    guard.inspect(sql)


@pytest.mark.parametrize(
    "made",
    [
        "json_object('a' VALUE {} RETURNING jsonb)",
        "json_object('a': {} ABSENT ON NULL WITH UNIQUE KEYS)",
        "json_array({}, 1 NULL ON NULL)",
        "json_array(SELECT {})",
        "json_objectagg('a' VALUE {} ABSENT ON NULL)",
        "json_arrayagg({} ORDER BY {} DESC) FILTER (WHERE {} > 1)",
        "json_arrayagg(1) OVER (PARTITION BY {})",
        "json({}::text)",
        "json_scalar({})",
        "json_serialize({} RETURNING text)",
        "json_exists(jsonb '1', '$.a' PASSING {} AS x)",
        "json_value({}::jsonb, '$.a' RETURNING int DEFAULT {} ON EMPTY ERROR ON ERROR)",
        "json_query(jsonb '1', '$.a' WITH WRAPPER KEEP QUOTES NULL ON EMPTY DEFAULT {} ON ERROR)",
        "{}::text IS JSON OBJECT WITH UNIQUE KEYS",
        (
            "(SELECT t.a FROM JSON_TABLE({}::jsonb, '$[*]' AS p PASSING {} AS x COLUMNS (a int PATH"
            " '$.a' DEFAULT {} ON EMPTY, o FOR ORDINALITY, e bool EXISTS, NESTED PATH '$.b' COLUMNS"
            " (c jsonb FORMAT JSON))) AS t)"
        ),
    ],
)
def test_json_is_walked_into(guard: Guard, refused: Refuse, made: str) -> None:
    guard.inspect("SELECT " + made.replace("{}", "abs(1)"))
    for number in range(made.count("{}")):
        parts = made.split("{}")
        holes = ["abs(1)"] * (len(parts) - 1)
        holes[number] = "pg_sleep(1)"
        sql = "SELECT " + parts[0] + "".join(map("".join, zip(holes, parts[1:], strict=True)))
        assert "pg_sleep" in refused(sql).message
