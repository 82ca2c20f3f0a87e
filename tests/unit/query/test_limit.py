"""The row limit: as SQL here, as rows of the real server in tests/postgres."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, literal, select
from sqlalchemy.dialects import postgresql

from mcpdb import Rows
from mcpdb.query.limit import limited

_table = Table("t", MetaData(), Column("id", Integer), Column("name", Integer))


def _sql(rows: Rows) -> str:
    compiled = rows.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    return re.sub(r"\s+", " ", str(compiled))


@given(own=st.integers(0, 10**6), rows=st.integers(1, 10**6))
def test_the_smaller_of_two_limits_holds(own: int, rows: int) -> None:
    assert _sql(limited(select(_table.c.id).limit(own), rows)).endswith(f" LIMIT {min(own, rows)}")


def test_a_select_without_a_limit_gets_one_and_keeps_the_rest() -> None:
    made = _sql(limited(select(_table.c.id).order_by(_table.c.id).offset(7), 5))
    assert made.endswith("ORDER BY t.id LIMIT 5 OFFSET 7")


def test_a_limit_that_was_taken_back_is_none() -> None:
    assert _sql(limited(select(_table.c.id).limit(3).limit(None), 5)).endswith(" LIMIT 5")


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        (select(_table.c.id).limit(func.least(3, literal(4))), "LIMIT least(3, 4)"),
        (select(_table.c.id).limit(select(func.count()).scalar_subquery()), "LIMIT (SELECT"),
        (select(_table.c.id).fetch(3), "FETCH FIRST (3) ROWS ONLY"),
        (
            select(_table.c.id).order_by(_table.c.id).fetch(3, with_ties=True),
            "FETCH FIRST (3) ROWS WITH TIES",
        ),
    ],
)
def test_a_limit_that_only_the_database_can_compute_stays_inside(own: Rows, kept: str) -> None:
    made = _sql(limited(own, 5))
    assert kept in made
    assert made.endswith("LIMIT 5")


def test_the_columns_keep_their_names_inside_a_subquery() -> None:
    own = select(_table.c.id, _table.c.name.label("other")).fetch(3)
    assert limited(own, 5).selected_columns.keys() == ["id", "other"]
