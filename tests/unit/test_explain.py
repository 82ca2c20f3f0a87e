"""What is said to a model whose SQL PostgreSQL has refused: words of our own, the place in its own
text, and what to write instead; never a word of PostgreSQL's, nor a value of a row."""

from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import Catalog, McpdbError, NotAllowed, QueryFailed, QueryTimeout, Relation
from mcpdb.sql.explain import explained

CATALOG = Catalog(
    [
        Relation("shop", "orders", ("id", "amount", "canary")),
        Relation("shop", "items", ("id", "order_id", "quantity")),
    ]
)
_SECRET = "c102-1"  # as PostgreSQL would say it
# Those of https://www.postgresql.org/docs/current/errcodes-appendix.html that a query can meet.
STATES = (
    *("42703", "42P01", "42883", "42601", "42702", "42712", "42725", "42803", "42P20", "42P10"),
    *("42804", "42846", "42704", "42P18", "42P19", "21000", "22012", "22P02", "22007", "22008"),
    *("22003", "2201B", "0A000", "54000", "54001", "53200", "53400"),
)


def _failed(
    state: str,
    *,
    sql: str = "",
    position: int | None = None,
    kind: type[QueryFailed] = QueryFailed,
) -> QueryFailed:
    """As the lane raises it."""
    error = kind("The database could not run the query.", hint="As it was.", detail=_SECRET)
    error.sqlstate, error.position, error.within = state, position, sql
    return error


def _told(state: str, sql: str, at: str | None = None, **options: Any) -> McpdbError:
    position = None if at is None else sql.index(at) + 1
    return explained(_failed(state, sql=sql, position=position, **options), sql, CATALOG)


def _all_states() -> list[str]:
    """Of all errors that the driver knows, those of queries."""
    known = {
        getattr(each, "sqlstate", None) or ""
        for each in vars(asyncpg.exceptions).values()
        if isinstance(each, type) and issubclass(each, asyncpg.PostgresError)
    }
    return sorted(state for state in known if state and state != "57014")


@pytest.mark.parametrize("state", STATES)
def test_every_usual_mistake_has_words_of_its_own(state: str) -> None:
    error = _told(state, "SELECT canary FROM shop.orders", "canary")
    assert type(error) is QueryFailed
    assert "it cannot be run" not in error.message
    assert f"(SQLSTATE {state}, at character 8, near canary)" in error.message
    assert error.message.startswith("PostgreSQL refuses the query: ")
    assert error.message.endswith(".")


@pytest.mark.parametrize("state", _all_states())
def test_whatever_postgresql_says_only_its_code_is_repeated(state: str) -> None:
    error = _told(state, "SELECT 1")
    assert state in error.message
    assert _SECRET not in str(error)
    assert error.detail == _SECRET  # for the log
    assert error.hint == "As it was." or state in STATES
    assert isinstance(error, QueryFailed)
    assert error.sqlstate == state


@pytest.mark.parametrize(
    ("sql", "at", "near"),
    [
        ("SELECT canarry FROM shop.orders", "canarry", "near canarry)"),
        ("SELECT o.canarry FROM shop.orders o", "o.canarry", "near o.canarry)"),
        ('SELECT "Ca ""n" FROM shop.orders', '"Ca', 'near "Ca ""n")'),
        ('SELECT o . "x" FROM shop.orders o', "o .", 'near o . "x")'),
        ("SELECT 'é🦀', canarry FROM shop.orders", "canarry", "at character 14, near canarry)"),
        ("SELECT größe FROM shop.orders", "größe", "near größe)"),
        ("SELECT 1 + * FROM shop.orders", "*", "near *)"),
        ("SELECT a$1 FROM shop.orders", "a$1", "near a$1)"),
        ("SELECT 12.5e3 FROM x", "12", "near 12.5e3)"),
        ("SELECT amount > '1x' FROM x", "'1x", "near '1x')"),
        ("SELECT amount > 'it''s' FROM x", "'it", "near 'it''s')"),
        ("SELECT amount > 'open FROM x", "'open", "near ')"),
    ],
)
def test_the_word_at_the_place_is_the_models_own(sql: str, at: str, near: str) -> None:
    error = _told("42703", sql, at)
    assert near in error.message
    assert isinstance(error, QueryFailed)
    assert error.position == sql.index(at) + 1


@pytest.mark.parametrize("position", [0, -1, 9, 10_000])
def test_a_place_outside_the_text_has_no_word(position: int) -> None:
    error = explained(_failed("42601", sql="SELECT 1", position=position), "SELECT 1", CATALOG)
    assert "near" not in error.message


def test_a_place_in_another_text_is_not_said() -> None:
    """Of a policy, say, or of a function that the query calls."""
    failed = _failed("22P02", sql="SELECT secret::int FROM mcpdb.keys", position=8)
    error = explained(failed, "SELECT canary FROM shop.orders", CATALOG)
    assert isinstance(error, QueryFailed)
    assert error.position is None
    assert "character" not in error.message
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("state", "sql", "at", "hint"),
    [
        ("42703", "SELECT canarry FROM shop.orders", "canarry", "Did you mean orders.canary?"),
        ("42703", "SELECT CANARRY FROM shop.orders", "CANARRY", "Did you mean orders.canary?"),
        ("42703", "SELECT o.quantty FROM shop.items o", "o.quantty", "items.quantity?"),
        (
            "42703",
            "SELECT xyzzy FROM shop.orders",
            "xyzzy",
            "Name the columns: orders has id, amount, canary.",
        ),
        ("42P01", "SELECT * FROM shop.ordrs", "shop.ordrs", "Did you mean shop.orders?"),
        ("42P01", "SELECT x.id FROM shop.orders", "x.id", "Name each table in FROM."),
        ("42883", "SELECT foo(1)", "foo", "Check the types, and cast where needed: x::numeric."),
        ("42601", "SELEC 1", "SELEC", ""),
    ],
)
def test_what_to_write_instead(state: str, sql: str, at: str, hint: str) -> None:
    assert hint in _told(state, sql, at).hint
    assert bool(_told(state, sql, at).hint) == bool(hint)


@pytest.mark.parametrize("state", ["42501", "25006"])
def test_what_may_not_be_read_is_answered_with_what_may(state: str) -> None:
    error = _told(state, "SELECT secret FROM shop.orders", kind=NotAllowed)
    assert type(error) is NotAllowed
    assert f"(SQLSTATE {state})" in error.message
    assert "orders has id, amount, canary" in error.hint
    assert "items" not in error.hint
    assert "description" in _told(state, "SELECT 1", kind=NotAllowed).hint


def test_a_query_that_takes_too_long_is_told_to_ask_for_less() -> None:
    error = _told("57014", "SELECT 1", kind=QueryTimeout)
    assert type(error) is QueryTimeout
    assert "aggregate in SQL" in error.hint


@given(
    sql=st.text(max_size=300),
    position=st.one_of(st.none(), st.integers(-5, 400)),
    state=st.sampled_from([*STATES, "XX000", ""]),
)
def test_whatever_was_written_the_answer_is_short(
    sql: str, position: int | None, state: str
) -> None:
    error = explained(_failed(state, sql=sql, position=position), sql, CATALOG)
    assert len(str(error)) < 500
    assert _SECRET not in str(error)


def test_a_long_word_is_cut() -> None:
    sql = f"SELECT {'x' * 5_000} FROM shop.orders"
    error = _told("42703", sql, "xxx")
    assert len(str(error)) < 300
