"""Which values tell the tenants apart, and when one of them betrays a leak."""

from hypothesis import given
from hypothesis import strategies as st

from mcpdb.attack.answer import Answer
from mcpdb.attack.canaries import Canaries, apart, columns_of


def test_a_column_of_which_both_see_a_value_is_shared() -> None:
    mine = {"name": {"Rope", "Axe"}, "store": {"North"}}
    theirs = {"name": {"Rope", "Parasol"}, "store": {"South"}}
    assert apart(mine, theirs) == {"store": {"South"}}


def test_errors_hold_no_values() -> None:
    assert columns_of([Answer("error", "Rope"), Answer("timeout", "Rope")]) == {}


def test_short_values_dates_and_plain_words_are_no_canaries() -> None:
    values = ["abc", "123", "true", "2026-01-31", "2026-01-31T10:00:00Z", "12.3"]
    assert len(Canaries.of(values)) == 0


def test_one_long_value_is_a_leak_and_two_short_ones_are() -> None:
    canaries = Canaries.of(["someone@south.example", "1234", "Bolt", "987654"])
    assert canaries.within("the row of someone@south.example") == ["someone@south.example"]
    assert canaries.within("987654 orders") == ["987654"]
    assert canaries.within("1234 orders") == []
    assert canaries.within("1234 orders of Bolt") == ["1234", "Bolt"]


def test_what_is_named_counts_however_short_it_is() -> None:
    assert Canaries.of([], named=["B7"]).within("in aisle B7") == ["B7"]


def test_numbers_are_found_as_numbers() -> None:
    canaries = Canaries.of(["987654", "7012.50"])
    assert canaries.within('{"total": 7012.50}') == ["7012.50"]
    assert canaries.within("19876543") == []
    assert canaries.within("id-987654x") == []


def test_what_was_sent_is_no_leak_when_it_comes_back() -> None:
    canaries = Canaries.of(["someone@south.example"])
    sent = '{"email": "Someone@South.example"}'
    assert canaries.within("no row for someone@south.example", sent=sent) == []


@given(st.sets(st.text(min_size=1, max_size=30)), st.text(max_size=200))
def test_nothing_is_found_that_is_not_there(values: set[str], text: str) -> None:
    for found in Canaries.of(values, named=values).within(text):
        assert found in text
