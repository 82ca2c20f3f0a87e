"""The corpus itself: how much of it there is, and that it says what it is."""

import re
from collections import Counter
from typing import Final

import pytest

from isolation.walled import NORTH, SOUTH
from sql.statements import AIMS, CORPUS, KEYS, Statement, Target, honest, hostile
from sql.worlds import DIRECTIONS

_LEAST: Final = {"hostile": 300, "honest": 150}
_VERSIONS: Final = (15, 16, 18)
_TARGET: Final = Target(
    setting="a.b", foreign="102", foreign_text="3:102", foreign_email="e", victim_pid="1", all="*"
)


def test_there_is_enough_of_it() -> None:
    found = {"hostile": hostile(), "honest": honest()}
    for kind, statements in found.items():
        print(f"\n{kind}: {len(statements)}")  # noqa: T201  # to be quoted
        for of, number in Counter(each.of for each in statements).items():
            print(f"  {of:20} {number}")  # noqa: T201  # likewise
    assert {kind: len(each) >= _LEAST[kind] for kind, each in found.items()} == dict.fromkeys(
        _LEAST, True
    )


@pytest.mark.parametrize("version", _VERSIONS)
def test_there_is_enough_for_each_version(version: int) -> None:
    for kind, statements in (("hostile", hostile()), ("honest", honest())):
        runs = [each for each in statements if each.runs_on(version, has_vector=False)]
        assert len(runs) >= _LEAST[kind]


def test_each_tenant_attacks_the_other() -> None:
    assert sorted(DIRECTIONS) == [(NORTH, SOUTH), (SOUTH, NORTH)]


def test_each_name_is_there_once() -> None:
    names = Counter(each.name for each in [*hostile(), *honest()])
    assert [name for name, number in names.items() if number > 1] == []


def test_each_text_is_there_once() -> None:
    texts = Counter(each.template for each in [*hostile(), *honest()])
    assert [text for text, number in texts.items() if number > 1] == []


def test_a_hostile_statement_has_an_aim_and_an_honest_one_has_none() -> None:
    assert {each.aim for each in hostile()} == AIMS
    assert {each.aim for each in honest()} == {""}


def test_every_header_is_one_that_is_known() -> None:
    for each in [*hostile(), *honest()]:
        word, colon, _ = each.template.removeprefix("-- ").partition(": ")
        is_header = each.template.startswith("-- ") and colon and word.isidentifier()
        assert not is_header, (each.name, word)
    for path in CORPUS.glob("*/*.sql"):
        words = re.findall(r"(?m)^-- ([a-z-]+): \S+$", path.read_text("utf-8"))
        assert set(words) <= KEYS, path.name


def test_every_placeholder_is_filled() -> None:
    names = ("{setting}", "{foreign", "{victim", "{all}")
    for each in [*hostile(), *honest()]:
        assert not [name for name in names if name in each.sql(_TARGET)], each.name


def test_an_honest_statement_names_no_other_tenant() -> None:
    assert not [each.name for each in honest() if each.sql(_TARGET) != each.template]


def test_characters_and_repetitions_are_written_out() -> None:
    found = {each.name: each for each in hostile()}
    assert found["disguised-no-break-space"].template.startswith("SELECT\u00a0set_config")
    assert "\0" in found["stacked-after-nul"].template
    assert found["bomb-nested-parentheses"].template == f"SELECT {'(' * 3000}1{')' * 3000}"
    assert not [each.name for each in found.values() if "<U+" in each.template]


def test_a_header_of_the_file_is_for_all_and_one_of_its_own_is_stronger() -> None:
    found: dict[str, Statement] = {each.name: each for each in hostile()}
    assert found["notation-sleep-of-a-number"].aim == "resource"
    assert found["notation-functional-column"].aim == "value"
    assert found["probe-own-backend-statistics"].since == 18
    assert found["probe-own-backend-statistics"].varies
