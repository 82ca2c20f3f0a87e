"""What the database leaves open without the guard is what the written list says: no more, and no
less, so that the list stays true. With the guard nothing of it is: see `test_guarded`."""

from collections.abc import Collection, Mapping

from sql.judged import Verdicts, opened
from sql.open_list import listed, rows
from sql.statements import hostile
from sql.worlds import Worlds

Classes = Mapping[str, Collection[str]]


def _compared(found: Classes, listed: Classes) -> tuple[list[str], list[str]]:
    """What is not listed, and what is listed and not found."""
    one, two = (
        {f"{of}: {name}" for of, names in each.items() for name in names}
        for each in (found, listed)
    )
    return sorted(one - two), sorted(two - one)


def test_the_query_login_is_left_what_is_listed(worlds: Worlds, login_verdicts: Verdicts) -> None:
    version = worlds.usual.fresh.cluster.version
    assert _compared(opened(login_verdicts), listed("login", version)) == ([], [])


def test_the_sql_lane_is_left_what_is_listed(worlds: Worlds, lane_verdicts: Verdicts) -> None:
    version = worlds.usual.fresh.cluster.version
    assert _compared(opened(lane_verdicts), listed("lane", version)) == ([], [])


def test_nothing_is_open_through_the_sql_lane_alone() -> None:
    assert not [row for row in rows() if row.lane and not row.login]


def test_the_list_is_of_statements_of_the_corpus() -> None:
    known = {(each.of, each.name) for each in hostile()}
    named = [(row.of, row.name) for row in rows()]
    assert len(named) == len(set(named))
    assert set(named) <= known
