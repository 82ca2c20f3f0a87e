"""The library of escapes: enough of them, of every class, and each becomes a statement."""

import re
from collections import Counter

import pytest

from mcpdb.attack import FAMILIES
from mcpdb.attack.library import Aim, load_escapes

ESCAPES = load_escapes()
AIM = Aim(
    table="shop.orders",
    column="email",
    settings=["app.tenant", "request.jwt.claims"],
    foreign="o'south",
    probe="x@y",
)


def test_there_are_many_of_each_class() -> None:
    families = Counter(each.family for each in ESCAPES)
    assert families.keys() <= set(FAMILIES)
    assert sum(families.values()) >= 200
    assert families["settings"] >= 80
    assert min(families.values()) >= 5


def test_no_two_have_one_name() -> None:
    assert not [
        name
        for name, n in Counter((e.family, e.name, e.is_lasting) for e in ESCAPES).items()
        if n > 1
    ]


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda each: f"{each.family}-{each.name}")
def test_every_place_is_filled(escape: object) -> None:
    template = getattr(escape, "template", "")
    statement = AIM.statement(template)
    assert not re.search(r"\{[a-z_]+\}", statement), statement


def test_one_statement_sets_every_setting() -> None:
    statement = AIM.statement("SELECT {set}")
    assert "set_config('app.tenant', 'o''south', true)" in statement
    assert "set_config('request.jwt.claims', '{\"sub\": \"o''south\"" in statement


def test_what_breaks_the_most_comes_last() -> None:
    order = [(each.is_slow, each.is_lasting) for each in ESCAPES]
    assert order == sorted(order)


def test_nothing_in_it_changes_a_row() -> None:
    for each in ESCAPES:
        for word in ("DELETE FROM", "INSERT INTO", "UPDATE {table}"):
            assert word not in each.template or "WHERE false" in each.template
        assert "DROP" not in each.template.upper().split()
        assert "TRUNCATE" not in each.template.upper()
