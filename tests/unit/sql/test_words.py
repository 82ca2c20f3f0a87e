"""What a refusal says: the thing, its place in characters, and what to do instead."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.sql import Guard

Refuse = Callable[[str], SqlRefused]


def test_the_message_names_the_thing_and_its_place(refused: Refuse) -> None:
    error = refused("SELECT pg_sleep(1)")
    assert error.message == (
        "The function pg_sleep is not among those that may be called (at character 8)."
    )
    assert error.position == 8
    assert error.code == "sql_refused"
    assert not error.retryable


@pytest.mark.parametrize(
    "before",
    [
        "SELECT 'é', ",
        "SELECT '😀😀', ",
        "SELECT /* 日本 */ ",
        'SELECT 1 AS "ü",\n\t',
        "SELECT 'e\u0301', ",
    ],
)
@pytest.mark.parametrize(
    "wrong",
    ["pg_sleep(1)", "o.ctid", "o.pg_sleep", "$1", "current_user", "x.y", "(1).pg_sleep", "1 <<< 2"],
)
def test_the_place_is_counted_in_characters(refused: Refuse, before: str, wrong: str) -> None:
    error = refused(f"{before}{wrong} FROM orders o")
    inside = {"(1).pg_sleep": 1, "1 <<< 2": 2}.get(wrong, 0)
    assert error.position == len(before) + inside + 1


@pytest.mark.parametrize("before", ["", "'é', ", "'😀😀', /* 日本 */"])
def test_so_is_the_place_of_a_syntax_error(refused: Refuse, before: str) -> None:
    sql = f"SELECT {before}1 AS a b c FROM orders"
    error = refused(sql)
    assert error.position == sql.index(" b c") + 2
    assert 'syntax error at or near "b"' in error.message
    assert error.hint == "What begins there: b c FROM orders ..."


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT", None),
        ("SELECT 1 +", "syntax error at end of input"),
        ("SELECT 'abc", "unterminated quoted string"),
        ('SELECT "abc', "unterminated quoted identifier"),
        ("SELECT /* abc", "unterminated /* comment"),
        ("SELECT $$abc", "unterminated dollar-quoted string"),
        ("SELECT ''::", "syntax error"),
        ('SELECT ""', "zero-length delimited identifier"),
        ("SELECT U&'\\'", "Unicode"),
        ("SELECT * FORM orders", "syntax error"),
        ("SELECT a..b", "syntax error"),
        ("SELECT 1x", "trailing junk after numeric literal"),
        ("ORDER BY 1", "syntax error"),
        ("SELECT (" + "x" * 5_000 + " y z", "syntax error"),
        ("SELECT 'x" + "\n" * 300, "unterminated"),
    ],
)
def test_a_syntax_error_is_told_shortly(guard: Guard, sql: str, message: str | None) -> None:
    if message is None:
        guard.inspect(sql)
        return
    with pytest.raises(SqlRefused) as caught:
        guard.inspect(sql)
    assert message in caught.value.message
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    position = caught.value.position
    assert position is not None
    assert 1 <= position <= len(sql) + 1


def test_a_name_is_shown_in_one_short_line(refused: Refuse) -> None:
    error = refused('SELECT "pg\n\x07 sleep\u202e"(1)')
    assert "The function pg sleep is not" in error.message
    for sql in (f"SELECT {'x' * 5_000}(1)", f"SELECT * FROM {'x' * 5_000}.{'y' * 5_000}"):
        assert len(str(refused(sql))) < 500


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("coun(1)", "count"),
        ("nvl(1, 2)", "coalesce"),
        ("datediff('day', 1, 2)", "date1 - date2"),
        ("group_concat('a')", "string_agg"),
        ("array_fill(1, ARRAY[1])", "array_agg"),
        ("set_config('a', 'b', true)", "Settings"),
        ("zzzzzzzzzzzzzzzzzzzz(1)", "from their arguments alone"),
    ],
)
def test_a_function_that_may_be_called_is_told(refused: Refuse, call: str, hint: str) -> None:
    assert hint in refused(f"SELECT {call}").hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("regclass", "text"),
        ("oid", "bigint"),
        ("xid", "bookkeeping"),
        ("xml", "jsonb"),
        ('"char"', "char(1)"),
        ("name", "text"),
        ("datetime", "timestamp"),
        ("geometry", "plain types"),
    ],
)
def test_a_type_is_refused_with_the_reason(refused: Refuse, name: str, hint: str) -> None:
    assert hint in refused(f"SELECT 'a'::{name}").hint
