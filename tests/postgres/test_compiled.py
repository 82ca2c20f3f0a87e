"""Selects run on the driver give the names and the rows that SQLAlchemy's own execution gives."""

import json
import uuid
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql as pg

from mcpdb import ConfigurationError, NotAllowed
from mcpdb.compiled import Compiler
from postgres.both import Both, both_of
from postgres.shapes import shapes

pytestmark = pytest.mark.timeout(120)
_few = settings.get_profile("postgres")
_INT4 = st.integers(-(2**30), 2**30)
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@pytest.fixture(scope="module")
def both(typed_dsn: str) -> Generator[Both]:
    """Connected for the tests of this file."""
    with both_of(typed_dsn) as made:
        yield made


_ARGUMENTS = st.tuples(
    st.integers(-1_000, 1_000),
    _WORDS,
    st.lists(st.integers(0, 5), max_size=6),
    st.lists(st.sampled_from(["x", "%s", ":y", "$1", "é"]), max_size=4),
    st.integers(0, 9),
)
_SHAPES = len(shapes(0, "", [], [], 0))


@pytest.mark.parametrize("shape", range(_SHAPES))
@settings(_few, max_examples=12)
@given(one=_ARGUMENTS, other=_ARGUMENTS)
@example(one=(1, "%", [], [], 0), other=(2, "_", [1, 2, 3], ["%s"], 3))
def test_every_shape_with_two_callers_values_in_turn(
    both: Both, shape: int, one: Any, other: Any
) -> None:
    for arguments in (one, other, one):
        both.agree(shapes(*arguments)[shape])


@_few
@given(callers=st.lists(st.tuples(_INT4, _WORDS), min_size=2, max_size=8))
def test_a_compiled_statement_never_has_another_call_s_values(
    both: Both, callers: list[tuple[int, str]]
) -> None:
    made = [
        both.compiler.bind(select(literal(number).label("n")).where(literal(word, Text) != "\1"))
        for number, word in callers
    ]
    assert len({bound.sql for bound in made}) == 1
    assert len({id(bound.plan) for bound in made}) == 1
    assert [tuple(bound.arguments[:2]) for bound in made] == callers


def test_the_number_of_compiled_statements_is_bounded(both: Both) -> None:
    compiler = Compiler(both.compiler._dialect, size=3)  # pyright: ignore[reportPrivateUsage]
    for i in range(10):
        compiler.bind(select(column(f"c{i}", Integer)))
    assert len(compiler._cache) == 3  # pyright: ignore[reportPrivateUsage]


def test_json_null_is_not_sql_null(both: Both) -> None:
    _, rows = both.agree(
        select(
            literal(None, JSON).label("a"),
            literal(JSON.NULL, JSON).label("b"),
            literal(None, JSON(none_as_null=True)).label("c"),
            cast(literal(None, pg.JSONB), Text).label("d"),
        )
    )
    assert rows[0][3] == "null"


@pytest.mark.parametrize(
    "options", [{"driver_column_names": True}, {"schema_translate_map": {None: "other"}}]
)
def test_an_option_that_would_change_the_result_is_refused(
    both: Both, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="execution option"):
        both.compiler.bind(select(literal(1)).execution_options(**options))


def test_a_select_that_writes_with_a_default_of_python_s_is_refused(both: Both) -> None:
    log = Table("log", MetaData(), Column("id", Uuid, default=uuid.uuid4), Column("note", Text))
    written = insert(log).values(note="x").returning(log.c.id).cte("written")
    with pytest.raises(NotAllowed, match="writes"):
        both.compiler.bind(select(written.c.id))


def test_a_missing_value_is_refused_before_anything_runs(both: Both) -> None:
    with pytest.raises(Exception, match="A value is required for bind parameter 'p'"):
        both.compiler.bind(select(bindparam("p", type_=Integer)))


def test_a_json_value_is_encoded_as_sqlalchemy_does(both: Both) -> None:
    value = {"n": Decimal("1.5").__float__(), "é": ["\u2028", None]}
    _, rows = both.agree(select(literal(value, pg.JSONB).label("v")))
    assert rows == [(json.loads(json.dumps(value)),)]
