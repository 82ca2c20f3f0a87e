"""Whatever is written, the guard says yes or refuses, and does so alike with both parsers."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql import Guard
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser

_CATALOG = Catalog(
    [Relation("retail", "orders", ("order_id", "total")), Relation("s", "t", ("a",))]
)
_GUARDS = (Guard(_CATALOG, parser=PgparseParser()), Guard(_CATALOG, parser=PostgastParser()))

_TOKENS = """
SELECT FROM WHERE WITH RECURSIVE AS ( ) , ; . * + - = <> <=> || :: [ ] : 1 0 -1 2.5 'a' '' $$b$$ $1
NULL TRUE DISTINCT ON ALL UNION EXCEPT INTERSECT VALUES TABLE ORDER BY GROUP HAVING LIMIT OFFSET
JOIN LEFT CROSS LATERAL USING NATURAL ROWS ORDINALITY CASE WHEN THEN ELSE END CAST IN EXISTS ANY
ARRAY ROW OVER PARTITION FILTER WITHIN WINDOW INTO FOR UPDATE COLLATE OPERATOR AT TIME ZONE LOCAL
NOT AND OR IS BETWEEN LIKE SIMILAR TO ESCAPE VARIADIC => INTERVAL EXTRACT RETURNING INSERT DELETE
orders o s.t t a g x order_id total count abs unnest generate_series pg_sleep set_config ctid
pg_catalog.abs retail.orders text int regclass "é" U&"\\0061" current_user current_date JSON_TABLE
COLUMNS PATH NESTED json_object VALUE XMLELEMENT TABLESAMPLE DEFAULT MATERIALIZED SEARCH CYCLE SET
-- /* */ \n
""".split()  # noqa: SIM905  # as a table

_VALID = (
    """WITH a AS ( SELECT o . order_id , sum ( total ) AS x FROM retail.orders o
    WHERE o . total > 1 GROUP BY 1 )
    SELECT a . x , g . g FROM a , generate_series ( 1 , 3 ) g ORDER BY a . x DESC""",
    """SELECT count ( * ) FILTER ( WHERE total > 1 ) OVER ( PARTITION BY order_id ) FROM orders
    JOIN s.t ON t . a = order_id WHERE EXISTS ( SELECT 1 FROM t x WHERE x . a IN ( 1 , 2 ) )""",
    """SELECT CASE WHEN a IS NULL THEN 'a' :: text ELSE upper ( 'b' ) END
    FROM ( VALUES ( 1 ) , ( 2 ) ) AS v ( a )
    UNION ALL SELECT ( ARRAY [ 1 , 2 ] ) [ 1 ] :: text FROM unnest ( ARRAY [ 1 ] ) g""",
    """WITH RECURSIVE r ( n ) AS ( SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5 )
    SELECT r . n , ( ROW ( 1 , 2 ) ) . f1 FROM r , LATERAL jsonb_each ( '{}' ) e
    WHERE e . key = 'a' LIMIT 3""",
    """SELECT t . b FROM JSON_TABLE ( '[]' :: jsonb , '$[*]' COLUMNS ( b int PATH '$.b' ,
    NESTED PATH '$.c' COLUMNS ( d text ) ) ) t WHERE json_object ( 'a' VALUE t . d ) IS JSON""",
)


def _decided(guard: Guard, sql: str) -> str:
    try:
        guard.inspect(sql)
    except SqlRefused as error:
        refused = error
    else:
        return "accepted"
    assert refused.message
    assert refused.hint
    assert refused.position is None or 1 <= refused.position <= len(sql) + 1
    return str(refused)


def _hold(sql: str) -> None:
    assert _decided(_GUARDS[0], sql) == _decided(_GUARDS[1], sql)


@pytest.mark.parametrize("sql", _VALID)
def test_what_is_changed_below_was_valid(sql: str) -> None:
    for guard in _GUARDS:
        guard.inspect(sql)


@settings(max_examples=300)
@given(tokens=st.lists(st.sampled_from(_TOKENS), max_size=30))
def test_any_words_of_sql_are_decided(tokens: Sequence[str]) -> None:
    _hold(" ".join(tokens))
    _hold("SELECT " + " ".join(tokens))


@settings(max_examples=200)
@given(text=st.text(max_size=80))
def test_any_text_is_decided(text: str) -> None:
    _hold(text)
    _hold(f"SELECT '{text}'")
    _hold(f'SELECT "{text}" FROM orders')


@st.composite
def _changed(draw: st.DrawFn) -> str:
    tokens = draw(st.sampled_from(_VALID)).split()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["insert", "delete", "swap", "replace"])):
            case "insert":
                tokens.insert(at, draw(st.sampled_from(_TOKENS)))
            case "delete" if len(tokens) > 1:
                del tokens[at]
            case "swap":
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens[at] = draw(st.sampled_from(_TOKENS))
    return " ".join(tokens)


@settings(max_examples=500)
@given(sql=_changed())
def test_a_statement_with_changes_is_decided(sql: str) -> None:
    _hold(sql)
