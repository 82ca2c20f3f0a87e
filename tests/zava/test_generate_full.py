"""The full size has the original's numbers, and the rules' shares. No database."""

from collections import Counter
from datetime import date, timedelta
from itertools import chain

import pytest

from zava.catalogue import load_catalogue, load_company
from zava.generate import (
    MEAN_ITEMS,
    History,
    Item,
    Plan,
    draw_history,
    draw_items,
    orders,
    years_before,
)

COMPANY = load_company()
MEAN_QUANTITY = 1.62
# The backup of the original system, in which the same rules were drawn without a seed.
ORIGINAL_ORDERS = {
    "Kirkland": 2_975,
    "Redmond": 5_047,
    "Everett": 6_492,
    "Spokane": 9_831,
    "Tacoma": 26_064,
    "Bellevue": 36_666,
    "Seattle": 54_995,
    "Online": 55_595,
}


@pytest.fixture(scope="module")
def full() -> tuple[History, list[Item]]:
    plan, until = Plan(), date(2026, 10, 31)
    history = draw_history(COMPANY, customers=plan.customers, seed=plan.seed, until=until)
    return history, list(draw_items(history, load_catalogue(), COMPANY, seed=plan.seed))


def test_the_full_size_has_the_originals_numbers_of_rows(full: tuple[History, list[Item]]) -> None:
    history, items = full
    placed = Counter(store for _, store in chain(*history.visits))
    assert len(history.customers) == 50_000
    assert placed.total() == pytest.approx(198_000, rel=0.02)
    assert len(items) == pytest.approx(414_000, rel=0.02)
    for store in COMPANY.stores:
        original = ORIGINAL_ORDERS[store.name.removeprefix("Zava Retail ")]
        assert placed[store.store_id] == pytest.approx(original, rel=0.05), store.name


def test_the_full_size_keeps_the_rules_shares(full: tuple[History, list[Item]]) -> None:
    history, items = full
    count = len(items)
    assert sum(i.discount_percent > 0 for i in items) / count == pytest.approx(0.15, rel=0.02)
    placed = sum(map(len, history.visits))
    assert count / placed == pytest.approx(MEAN_ITEMS, rel=0.01)
    for store in COMPANY.stores:
        quantities = [item.quantity for item in items if item.store_id == store.store_id]
        expected = MEAN_QUANTITY * store.order_value
        assert sum(quantities) / len(quantities) == pytest.approx(expected, rel=0.03)


def test_the_years_grow_by_their_weights(full: tuple[History, list[Item]]) -> None:
    history, _ = full
    until = history.first_day + timedelta(days=len(history.visits) - 1)
    ends = [years_before(until, back) for back in range(7, -1, -1)]
    placed = sum(map(len, history.visits))
    for weight, start, end in zip(COMPANY.year_weights, ends, ends[1:], strict=False):
        share = sum(start < order.order_date <= end for order in orders(history)) / placed
        assert share == pytest.approx(weight / sum(COMPANY.year_weights), rel=0.02)


def test_the_ordering_store_has_nothing_to_do_with_where_one_signed_up(
    full: tuple[History, list[Item]],
) -> None:
    history, _ = full
    at = dict(chain(*history.visits))
    same = sum(at[each.customer_id] == each.primary_store_id for each in history.customers)
    weights = [store.weight / 130 for store in COMPANY.stores]
    assert same / 50_000 == pytest.approx(sum(weight**2 for weight in weights), rel=0.03)
