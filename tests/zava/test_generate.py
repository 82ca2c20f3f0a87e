"""Laws of the generated data. No database."""

import re
from calendar import isleap
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpdb import ConfigurationError
from zava.catalogue import Catalogue, Company, Product, load_catalogue, load_company
from zava.generate import (
    GENERATOR_VERSION,
    History,
    Item,
    Plan,
    draw_history,
    draw_items,
    draw_stock,
    orders,
    quantity_weights,
    years_before,
)

COMPANY, CATALOGUE = load_company(), load_catalogue()
MEAN_QUANTITY = 1.62
seeds = st.integers(0, 2**63 - 1)
days = st.dates(date(1990, 1, 1), date(2100, 12, 31)) | st.sampled_from(
    [date(2024, 2, 29), date(2100, 2, 28), date(2000, 2, 29), date(2025, 3, 1)]
)
few = settings(max_examples=30, deadline=None)


def some_history(seed: int, until: date = date(2026, 10, 31), customers: int = 40) -> History:
    return draw_history(COMPANY, customers=customers, seed=seed, until=until)


def some_items(history: History, seed: int, company: Company = COMPANY) -> list[Item]:
    return list(draw_items(history, CATALOGUE, company, seed=seed))


@few
@given(seed=seeds)
def test_the_money_of_a_line_adds_up_to_the_cent(seed: int) -> None:
    for item in some_items(some_history(seed), seed):
        price = CATALOGUE.products[item.product_id - 1].price_cents
        assert round(price * 0.8) - 1 <= item.unit_price_cents <= round(price * 1.2) + 1
        assert item.quantity in range(1, 6)
        assert item.discount_percent in {0, 5, 10, 15, 20, 25}
        gross = item.unit_price_cents * item.quantity
        discount = Decimal(gross * item.discount_percent) / 100
        assert item.discount_cents == discount.quantize(Decimal(1), ROUND_HALF_UP)
        assert item.total_cents == gross - item.discount_cents > 0


@few
@given(seed=seeds)
def test_lines_belong_to_their_orders_and_to_the_store_of_them(seed: int) -> None:
    history = some_history(seed)
    placed = list(orders(history))
    items = some_items(history, seed)
    assert [order.order_id for order in placed] == list(range(1, len(placed) + 1))
    assert [item.order_item_id for item in items] == list(range(1, len(items) + 1))
    lines = Counter(item.order_id for item in items)
    assert list(lines) == [order.order_id for order in placed]
    assert set(lines.values()) <= set(range(1, 6))
    stores = {order.order_id: order.store_id for order in placed}
    assert all(item.store_id == stores[item.order_id] for item in items)


@few
@given(seed=seeds, until=days)
def test_orders_are_of_the_seven_years_up_to_the_last_day_in_order(seed: int, until: date) -> None:
    history = some_history(seed, until)
    dates = [order.order_date for order in orders(history)]
    assert dates == sorted(dates)
    assert years_before(until, 7) < dates[0]
    assert dates[-1] <= until
    assert len(history.visits) == (until - years_before(until, 7)).days


@few
@given(seed=seeds)
def test_a_customer_orders_at_one_store_and_is_there_since_the_first_order(seed: int) -> None:
    history = some_history(seed)
    for customer in history.customers:
        mine = [o for o in orders(history) if o.customer_id == customer.customer_id]
        assert len({order.store_id for order in mine}) == 1
        assert mine[0].order_date == customer.created_at.date()
        assert len(mine) <= 5 * 3


@few
@given(seed=seeds)
def test_customers_have_plausible_names_and_unique_addresses_that_reach_nobody(seed: int) -> None:
    customers = some_history(seed).customers
    assert [customer.customer_id for customer in customers] == list(range(1, len(customers) + 1))
    area_codes = {store.store_id: store.area_code for store in COMPANY.stores}
    for each in customers:
        assert each.first_name.isalpha()
        assert each.last_name.isalpha()
        address = f"{each.first_name}.{each.last_name}.{each.customer_id}@example.com"
        assert each.email == address.lower()
        assert re.fullmatch(rf"\({area_codes[each.primary_store_id]}\) 555-01\d\d", each.phone)
    assert len({each.email for each in customers}) == len(customers)


@few
@given(seed=seeds, until=days)
def test_the_same_seed_gives_the_same_rows_and_another_one_others(seed: int, until: date) -> None:
    history = some_history(seed, until)
    assert history == some_history(seed, until)
    assert some_items(history, seed) == some_items(history, seed)
    assert history.customers != some_history(seed + 1, until).customers
    assert some_items(history, seed) != some_items(history, seed + 1)


@few
@given(seed=seeds, until=days)
def test_another_last_day_moves_the_orders_and_changes_nobody(seed: int, until: date) -> None:
    here, there = some_history(seed, until), some_history(seed)
    for a, b in zip(here.customers, there.customers, strict=True):
        assert a._replace(created_at=b.created_at) == b
    assert Counter(chain(*here.visits)) == Counter(chain(*there.visits))


@few
@given(seed=seeds, value=st.floats(0.62, 3.0))
def test_the_value_multiplier_changes_quantities_and_not_the_number_of_lines(
    seed: int, value: float
) -> None:
    history = some_history(seed)
    stores = [store.model_copy(update={"order_value": value}) for store in COMPANY.stores]
    company = COMPANY.model_copy(update={"stores": stores})
    as_shipped, changed = some_items(history, seed), some_items(history, seed, company)
    assert len(as_shipped) == len(changed)
    for a, b in zip(as_shipped, changed, strict=True):
        same = (b.quantity, b.discount_cents, b.total_cents)
        assert a._replace(quantity=same[0], discount_cents=same[1], total_cents=same[2]) == b


@given(value=st.floats(0.62, 3.08))
def test_the_value_multiplier_multiplies_the_mean_quantity(value: float) -> None:
    weights = quantity_weights(value)
    assert len(weights) == 5
    assert min(weights) >= 0
    mean = sum(n * weight for n, weight in enumerate(weights, 1)) / sum(weights)
    assert mean == pytest.approx(MEAN_QUANTITY * value, rel=1e-9)


def test_a_multiplier_of_one_leaves_the_weights_as_they_are() -> None:
    weights = quantity_weights(1.0)
    assert weights == pytest.approx([60, 25, 10, 3, 2])


def test_the_multipliers_of_the_stores_can_be_reached_with_one_to_five_pieces() -> None:
    assert all(
        1 / MEAN_QUANTITY < store.order_value < 5 / MEAN_QUANTITY for store in COMPANY.stores
    )


@given(day=days, years=st.integers(0, 50))
def test_years_before_keeps_the_day_but_for_the_29th_of_february(day: date, years: int) -> None:
    earlier = years_before(day, years)
    assert earlier.year == day.year - years
    if (day.month, day.day) == (2, 29) and not isleap(earlier.year):
        assert (earlier.month, earlier.day) == (2, 28)
    else:
        assert (earlier.month, earlier.day) == (day.month, day.day)
    assert (years_before(day, years) - years_before(day, years + 1)).days in {365, 366}


def test_leap_days_have_orders_and_no_other_february_has_a_29th() -> None:
    history = some_history(1, date(2024, 2, 29), customers=3_000)
    leap_days = {o.order_date for o in orders(history) if o.order_date.strftime("%m%d") == "0229"}
    assert leap_days == {date(2020, 2, 29), date(2024, 2, 29)}


def test_stock_is_the_same_whatever_the_size_and_never_nothing() -> None:
    stock = draw_stock(CATALOGUE, COMPANY, seed=1)
    assert [(each.store_id, each.product_id) for each in stock] == [
        (store.store_id, n) for store in COMPANY.stores for n in range(1, 425)
    ]
    for each in stock:
        store, product = COMPANY.stores[each.store_id - 1], CATALOGUE.products[each.product_id - 1]
        season = CATALOGUE.seasons[product.category]
        scale = store.weight * sum(season) / 12
        assert max(1, int(10 * scale * 0.5)) <= each.stock_level <= 100 * scale * 1.5
    assert draw_stock(CATALOGUE, COMPANY, seed=1) == stock
    assert draw_stock(CATALOGUE, COMPANY, seed=2) != stock


def a_catalogue(*skus: str, seasons: dict[str, tuple[float, ...]]) -> Catalogue:
    """One product for each sku, whose first letter is its category."""
    products = [
        Product(sku=sku, name=sku, category=sku[0], type="T", cost=Decimal(10), description=sku)
        for sku in skus
    ]
    types = [(category, "T") for category in seasons]
    return Catalogue(products=products, types=types, seasons=seasons, sha256="")


def test_the_season_draws_the_category_of_an_orders_lines() -> None:
    summer = tuple(1_000.0 if month in {6, 7, 8} else 0.001 for month in range(1, 13))
    winter = tuple(0.001 if month in {6, 7, 8} else 1_000.0 for month in range(1, 13))
    catalogue = a_catalogue("S1", "W1", "S2", "W2", seasons={"S": summer, "W": winter})
    history = some_history(1, customers=2_000)
    dates = [order.order_date for order in orders(history)]
    items = list(draw_items(history, catalogue, COMPANY, seed=1))
    in_season = sum(
        (dates[item.order_id - 1].month in {6, 7, 8}) == (item.product_id in {1, 3})
        for item in items
    )
    # Of the season: 85 % and half of the others; and of those 90 % and half of the others.
    share = 0.85 + 0.15 / 2
    expected = 0.9 * share + 0.1 / 2
    assert in_season / len(items) == pytest.approx(expected, abs=0.01)


def test_a_catalogue_of_one_product_and_an_empty_category_is_enough() -> None:
    catalogue = a_catalogue("A", seasons={"E": (1.0,) * 12, "A": (1.0,) * 12})
    items = list(draw_items(some_history(1), catalogue, COMPANY, seed=1))
    assert {item.product_id for item in items} == {1}


def test_the_rows_of_a_seed_stay_what_they_are_on_every_python() -> None:
    """If this fails, the same plan gives other rows: raise GENERATOR_VERSION, or mend it."""
    plan = Plan(size="small")
    history = some_history(plan.seed, customers=plan.customers)
    digest = sha256()
    for row in chain(history.customers, orders(history), some_items(history, plan.seed)):
        digest.update("|".join(map(str, row)).encode())
    for row in draw_stock(CATALOGUE, COMPANY, seed=plan.seed):
        digest.update("|".join(map(str, row)).encode())
    assert (GENERATOR_VERSION, digest.hexdigest()[:16]) == (1, "6cf66a0dea5a9563")


@pytest.mark.parametrize(
    "wrong", [{"size": "huge"}, {"seed": -1}, {"seed": 2**63}, {"until": date(1899, 12, 31)}]
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Plan(**wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
