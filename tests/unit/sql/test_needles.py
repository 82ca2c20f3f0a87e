"""What functions and operators look for, which may not be stopped while they do: it is short."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]

# Each with the needle as {}; of those with two sides the other one is computed.
_CALLS = (
    "translate(x, {}, 'b')",
    "translate(x, 'a', {})",
    "btrim(x, {})",
    "ltrim(x, {})",
    "rtrim(x, {})",
    "normalize({})",
    "normalize({}, NFKD)",
    "{} IS NFC NORMALIZED",
    "{} IS NOT NORMALIZED",
    "pg_catalog.rtrim(x, {})",
    '"rtrim"(x, {})',
    "strpos(x, {})",
    "replace(x, {}, 'b')",
    "split_part(x, {}, 1)",
    "string_to_array(x, {})",
    "string_to_array(x, {}, '')",
    "string_to_table(x, {})",
    "trim(BOTH {} FROM x)",
    "trim(LEADING {} FROM x)",
    "trim(TRAILING {} FROM x)",
    "trim({} FROM x)",
    "position({} IN x)",
    'pg_catalog."position"(x, {})',
    "split_part(x, field => 1, delimiter => {})",
)
_OPERATORS = (
    "x LIKE {}",
    "x NOT LIKE {}",
    "x ILIKE {}",
    "x NOT ILIKE {}",
    "x LIKE {} ESCAPE '!'",
    "x NOT ILIKE {} ESCAPE lower(x)",
    "x SIMILAR TO {}",
    "x NOT SIMILAR TO {} ESCAPE '!'",
    "x ~~ {}",
    "x ~~* {}",
    "x !~~ {}",
    "x !~~* {}",
    "x OPERATOR(pg_catalog.~~) {}",
    "x LIKE pg_catalog.like_escape({}, '!')",
    "x LIKE ANY (ARRAY['a', {}])",
    "x NOT ILIKE ALL (ARRAY[{}])",
    "x LIKE 'a' || {}",
    "x LIKE ({} || '%')::text COLLATE \"C\"",
    "x ?| {}",
    "x ?& {}",
    "x @> {}",
    "x <@ {}",
    "x && {}",
    "{} @> x",
    "{} <@ x",
    "{} && x",
    "x OPERATOR(pg_catalog.&&) {}",
    "x @> ARRAY['a', {}]",
)
_FROM = "(SELECT lower('a') AS x, string_agg('a', 'b') AS y) s"
_SHORT = (
    "'a'",
    "E'\\n'",
    "1",
    "1.5",
    "-1",
    "true",
    "NULL",
    "'a'::text",
    "'{a,b}'::text[]",
    "CAST('a' AS varchar(10))",
    "ARRAY['a', 'b']",
    "ARRAY[]::text[]",
    "ARRAY[1, p.price]",
    "p.name",
    "p.tags[1]",
    "(p.tags)[1:2]",
    "p.tags -> 'a' ->> 'b'",
    "retail.products.name",
    "lower('A' || p.name)",
    "upper(p.name::text)",
    "'%' || p.name || '%'",
    "coalesce(p.name, '')",
    "current_date",
    "y::int",
    "s.y::timestamptz::text",
    "int4range(y, y)",
)
_LONG = (
    "y",
    "s.y",
    "s.x",
    "y::text",
    "y::text[]",
    "y::int[]",
    "lower(y)",
    "'%' || y",
    "y || '%'",
    "concat('a', 'b')",
    "repeat('a', 10)",
    "string_agg(p.name, '')",
    "array_agg(p.name)",
    "array_append(p.tags, 'a')",
    "(SELECT 'a')",
    "ARRAY(SELECT p.name)",
    "ARRAY['a', y]",
    "ARRAY[ARRAY['a'], ARRAY[y]]",
    "coalesce(p.name, y)",
    "CASE WHEN true THEN 'a' END",
    "(ARRAY[y])[1]",
    "y -> 'a'",
    "p.to_jsonb",
    "p.count",
    "retail.products.to_jsonb",
    "(p).upper",
    "ROW(y)",
    "l.z",
    "g.g",
    "w.name",
)
_MANY = (
    "WITH w AS (SELECT name FROM products) SELECT {} FROM {}, products p, retail.products,"
    " LATERAL (SELECT p.name AS z) l, generate_series(1, 2) g, w"
)


@pytest.mark.parametrize("expression", _CALLS + _OPERATORS)
def test_what_is_short_is_looked_for(guard: Guard, expression: str) -> None:
    for needle in _SHORT:
        guard.inspect(_MANY.format(expression.format(f"({needle})"), _FROM))
    if "::text COLLATE" not in expression:
        guard.inspect(f"SELECT {expression.format('name')} FROM (orders JOIN products ON x = 1)")


@pytest.mark.parametrize("expression", _CALLS + _OPERATORS)
def test_what_may_be_long_is_refused(refused: Refuse, expression: str) -> None:
    for needle in _LONG:
        error = refused(_MANY.format(expression.format(f"({needle})"), _FROM))
        assert "not something computed" in error.message, needle
        assert "joined with ||" in error.hint
        assert error.position is not None


@pytest.mark.parametrize("operator", ["LIKE", "NOT ILIKE", "@>", "&&", "OPERATOR(pg_catalog.~~)"])
def test_rows_of_a_query_are_not_looked_for(refused: Refuse, guard: Guard, operator: str) -> None:
    for sql in (
        "SELECT (SELECT 1) {} ANY (SELECT 'a')",
        "SELECT (SELECT 1) {} ALL (SELECT name FROM products)",
        "SELECT (SELECT 1) {} ANY (ARRAY(SELECT name FROM products))",
    ):
        assert "not something computed" in refused(sql.format(operator)).message
    guard.inspect("SELECT (SELECT 1) IN (SELECT 2), (SELECT 1) = ANY (SELECT 2)")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "(SELECT 1 FROM (SELECT string_agg('a', '') AS name) p) s",
        "(SELECT 1 FROM unnest(ARRAY['a']) p) s",
        "(SELECT 1 FROM (orders CROSS JOIN customers n) AS p) s",
    ],
)
def test_an_alias_that_is_something_else_elsewhere_is_not_a_table(
    refused: Refuse, guard: Guard, elsewhere: str
) -> None:
    sql = "SELECT p.name LIKE p.name FROM products p, {}"
    guard.inspect(sql.format("orders"))
    assert "not something computed" in refused(sql.format(elsewhere)).message


@pytest.mark.parametrize(
    "source",
    [
        "(SELECT string_agg('a', '') AS x) s",
        "(VALUES ('a')) v(x)",
        "generate_series(1, 2) x",
        "jsonb_to_record('{}') AS r(x text)",
        "JSON_TABLE('1', '$' COLUMNS (x text)) j",
        "LATERAL (SELECT name AS x) l",
    ],
)
def test_a_column_without_a_table_is_a_tables_where_there_is_nothing_else(
    refused: Refuse, guard: Guard, source: str
) -> None:
    guard.inspect("SELECT 1 FROM products, orders WHERE name LIKE name || '%'")
    guard.inspect("SELECT (SELECT 1 FROM orders WHERE name LIKE x) FROM products")
    for sql in (
        f"SELECT 1 FROM products, {source} WHERE name LIKE x",
        f"SELECT 1 FROM products WHERE (SELECT name LIKE x FROM {source})",
        f"SELECT name LIKE x FROM products UNION SELECT true FROM {source}",
    ):
        assert "not something computed" in refused(sql).message


def test_nor_where_there_is_with(refused: Refuse) -> None:
    refused("WITH w AS (SELECT 'a' AS x) SELECT name LIKE x FROM products, w")
    refused("SELECT (WITH w AS (SELECT 'a' AS x) SELECT name LIKE x FROM w) FROM products")


def test_what_is_looked_through_may_be_long(guard: Guard) -> None:
    guard.inspect(
        "SELECT split_part(y, ',', 1), y LIKE '%a%', y ILIKE ANY (ARRAY['a', 'b']), trim(y),"
        " strpos(y, '@'), y @> '{a}', '{a}' <@ y, substring(y, strpos(y, '@') + 1), btrim(y),"
        " starts_with(y, y), y ^@ y, y ~ y, y IN (y, y), y BETWEEN y AND y, (y).btrim,"
        " replace(y, 'a', y), string_to_array(y, NULL), overlay(y PLACING y FROM 1),"
        " int4range(y, y) && y, y @> now()::date, x -> y, x ? y"
        f" FROM {_FROM}"
    )


@pytest.mark.parametrize("expression", ["{} LIKE {n}", "strpos({}, {n})", "{} @> {n}"])
def test_a_constant_may_be_long_as_well(guard: Guard, refused: Refuse, expression: str) -> None:
    def sql(needle: str) -> str:
        return f"SELECT {expression.format('y', n=needle)} FROM {_FROM}"

    guard.inspect(sql(f"'{'a' * 999}'"))
    guard.inspect(sql(f"ARRAY[{'1,' * 400}1]"))
    for needle in (
        f"'{'a' * 1001}'",
        f"('{'a' * 600}' || '{'b' * 600}')",
        f"ARRAY['{'a' * 600}', '{'b' * 600}']",
        f"ARRAY[{'1,' * 600}1]",
        f"coalesce(p.name, '{'a' * 1001}')",
    ):
        error = refused(sql(needle) + ", products p")
        assert "longer than 1,000" in error.message


@pytest.mark.parametrize(
    "text",
    ["''", "'%s'", "'%1$s of %2$s'", "'100%% %I=%L'", "'a'::text", "E'%s\\n'", "'%s'::varchar"],
)
def test_a_format_is_a_constant(guard: Guard, text: str) -> None:
    guard.inspect(f"SELECT format({text}, name, name), pg_catalog.format({text}) FROM products")
    guard.inspect(f"SELECT format({text}, VARIADIC ARRAY['a']) FROM products")


@pytest.mark.parametrize(
    "text",
    [
        "'%1000000000s'",
        "'%10s'",
        "'%-10s'",
        "'%*s'",
        "'%1$*2$s'",
        "'%1$10s'",
        "'%%%9L'",
        "'%'",
        "'%d'",
        "name",
        "'%s' || '%s'",
        "lower('%s')",
        "NULL",
        "1",
        "VARIADIC ARRAY['%9s', 'a']",
        "formatstr => '%9s'",
    ],
)
def test_a_format_makes_nothing_longer(refused: Refuse, text: str) -> None:
    for sql in (f"SELECT format({text})", f"SELECT pg_catalog.format({text}) FROM products"):
        error = refused(sql)
        assert "The first argument of format" in error.message
        assert error.position == 8


@pytest.mark.parametrize("name", ["path", "polygon"])
def test_figures_of_any_number_of_points_are_refused(refused: Refuse, name: str) -> None:
    assert "lseg" in refused(f"SELECT '((0,0),(1,1))'::{name}").hint
    refused(f"SELECT {name}('((0,0),(1,1))')")
    refused(f"SELECT ('a').{name}")


@pytest.mark.parametrize(
    "name", ["area", "npoints", "pclose", "popen", "isclosed", "isopen", "path", "polygon"]
)
def test_so_are_their_functions(refused: Refuse, name: str) -> None:
    assert "not among those" in refused(f"SELECT {name}('((0,0),(1,1))')").message


def test_other_figures_are_read(guard: Guard) -> None:
    guard.inspect(
        "SELECT '(1,2)'::point <-> point(1, 2), circle '<(0,0),1>' @> point '(0,0)',"
        " box '((0,0),(1,1))' && box(point(0, 0), point(1, 1)), line(point(0, 0), point(1, 1))"
    )
