"""The detector of leaks, on answers that are made up, and the differential oracle on a database
whose worlds really differ."""

from collections import Counter

from typing_extensions import override

from isolation.walled import NORTH, SOUTH, Connection
from sql.configurations import QueryLogin
from sql.outcomes import Outcome, canaries, difference, numbers
from sql.statements import Statement
from sql.worlds import DIRECTIONS, Worlds, judge, truths_of

_TRUTH = {NORTH: Counter(["1409", "31503.75"]), SOUTH: Counter(["2603"]), "": Counter(["4012"])}


def _statement(template: str, *, aim: str = "value", varies: bool = False) -> Statement:
    return Statement(
        name="made-up",
        of="made_up",
        aim=aim,
        since=0,
        needs_vector=False,
        varies=varies,
        template=template,
    )


def test_a_foreign_canary_is_seen_in_a_cell() -> None:
    assert canaries(Outcome.of([("x", 'a {"c102-7": 1}')]), tenant=NORTH) == ["c102-7"]
    assert canaries(Outcome.of([("c101-7", None)]), tenant=NORTH) == []


def test_a_foreign_canary_is_seen_in_an_error() -> None:
    error = Outcome(code="22P02", text='invalid input syntax for type integer: "c102-7"')
    assert canaries(error, tenant=NORTH) == ["c102-7"]
    assert canaries(error, tenant=SOUTH) == []


def test_a_foreign_canary_is_seen_within_arrays_and_objects() -> None:
    assert canaries(Outcome.of([([["c102-1"]],), ({"k": ["c102-2"]},)]), tenant=NORTH) != []


def test_foreign_and_common_numbers_are_seen() -> None:
    answer = Outcome.of([("n=2603;", 4012, 1409, 17)])
    assert numbers(answer, tenant=NORTH, truth=_TRUTH) == ["2603", "4012"]
    assert numbers(Outcome.of([(1409, "31503.7500")]), tenant=NORTH, truth=_TRUTH) == []


def test_numbers_are_seen_whole() -> None:
    answer = Outcome.of([("12603", "2603.5", "v2603", "c101-2603")])
    assert numbers(answer, tenant=NORTH, truth=_TRUTH) == []


def test_the_order_of_rows_is_no_difference_and_all_else_is() -> None:
    one, two = Outcome.of([(1,), (2,)]), Outcome.of([(2,), (1,)])
    assert difference(one, two) == ""
    assert difference(one, Outcome.of([(1,)])) != ""
    assert difference(one, Outcome.of([(1,), (2,), (2,)])) != ""
    assert difference(one, Outcome(code="42501")) != ""
    assert difference(Outcome(code="42501", text="a"), Outcome(code="42501", text="b")) != ""


async def test_own_foreign_and_common_numbers_are_far_apart(worlds: Worlds) -> None:
    for walled in (worlds.usual, *worlds.changed.values()):
        truth = await truths_of(walled)
        for own, other in DIRECTIONS:
            assert truth[own]
            assert truth[other]
            assert not set(truth[own]) & set(truth[other])


class _Open(QueryLogin):
    """Sees everything: what the wall is there for."""

    @property
    @override
    def login(self) -> str:
        return "postgres"

    @override
    async def seal_in(self, connection: Connection, tenant: str) -> None:
        """Nobody is sealed in."""


async def test_the_oracle_sees_what_no_text_tells(worlds: Worlds) -> None:
    statements = [
        _statement("SELECT count(*) % 10 FROM shop.orders"),
        _statement("SELECT max(canary) FROM shop.orders WHERE tenant = '{foreign}'"),
        _statement("SELECT 1 / (count(*) - 78) FROM shop.orders WHERE '{foreign}' = '102'"),
        _statement("SELECT reltuples FROM pg_class WHERE relname = 'items'", aim="metadata"),
        _statement("SELECT random()", varies=True),
        _statement("SELECT count(*) FROM shop.orders WHERE tenant <> '{foreign}'"),
    ]
    found = await judge(_Open, worlds, statements, own=NORTH, other=SOUTH)
    assert [bool(each.value) for each in found] == [True, True, True, False, False, False]
    assert [bool(each.metadata) for each in found] == [False, False, False, True, False, False]
