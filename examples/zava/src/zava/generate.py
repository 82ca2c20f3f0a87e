"""Customers, orders and stock from a seed: the same rows for the same seed on every Python.

Only `Random.random()` is used, the one method whose sequence Python promises to keep, and every
stage has its own stream, so that one stage's draws cannot move another's. No database here.
"""

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate, repeat
from math import fsum
from operator import mul
from random import Random
from typing import Final, Literal, NamedTuple, TypeAlias

from mcpdb import ConfigurationError
from zava.catalogue import Catalogue, Company, Store

GENERATOR_VERSION: Final = 1
"""Goes up whenever the same plan would give other rows."""
DEFAULT_SEED: Final = 2025

Size: TypeAlias = Literal["full", "small"]
_CUSTOMERS: Final[dict[Size, int]] = {"full": 50_000, "small": 1_000}

_BASE_ORDERS: Final = (20, 40, 20, 10, 7, 3)  # weights of 0 to 5, before the store's frequency
_ITEMS: Final = (40, 30, 15, 10, 5)  # weights of 1 to 5 lines in an order
MEAN_ITEMS: Final = 2.1
"""Lines of an order on average."""
_QUANTITIES: Final = (60, 25, 10, 3, 2)  # weights of 1 to 5 pieces in a line
_SEASONAL_SHARE: Final = 0.85  # of the orders: their category follows the month
_SAME_CATEGORY_SHARE: Final = 0.9  # of an order's lines: of the order's category
_DISCOUNT_SHARE: Final = 0.15  # of the lines
_DISCOUNTS_PERCENT: Final = (5, 10, 15, 20, 25)
_LOWEST_PRICE, _HIGHEST_PRICE = 0.8, 1.2  # of the list price


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to generate.

    Attributes:
        size: `full` for 50,000 customers, `small` for a fiftieth.
        seed: Another seed gives other people and orders under the same rules.
        until: The last day of the newest of the seven years. None: the day of seeding.
        catalogue: What the stores sell. None: what ships with this package.
    """

    size: Size = "full"
    seed: int = DEFAULT_SEED
    until: date | None = None
    catalogue: Catalogue | None = None

    def __post_init__(self) -> None:
        if self.size not in _CUSTOMERS:
            raise ConfigurationError(f"There is no size {self.size!r}, but full and small.")
        if not 0 <= self.seed < 2**63:
            raise ConfigurationError("The seed is not from 0 to 9223372036854775807.")
        if self.until is not None and self.until.year < 1900:
            raise ConfigurationError("The last day of the orders is before the year 1900.")

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return _CUSTOMERS[self.size]


class Customer(NamedTuple):
    """A row of `customers`, in the order of its columns."""

    customer_id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    primary_store_id: int
    created_at: datetime


class Stock(NamedTuple):
    """A row of `inventory`."""

    store_id: int
    product_id: int
    stock_level: int


class Order(NamedTuple):
    """A row of `orders`."""

    order_id: int
    customer_id: int
    store_id: int
    order_date: date


class Item(NamedTuple):
    """A row of `order_items`, with its money in cents."""

    order_item_id: int
    order_id: int
    store_id: int
    product_id: int
    quantity: int
    unit_price_cents: int
    discount_percent: int
    discount_cents: int
    total_cents: int


@dataclass(frozen=True, slots=True)
class History:
    """All customers, and who ordered where on which day.

    Attributes:
        first_day: The day of `visits[0]`.
        visits: For each day pairs of customer and store, one for each order.
    """

    customers: Sequence[Customer]
    first_day: date
    visits: Sequence[Sequence[tuple[int, int]]]


class _Weights:
    """Draws an index by weight."""

    __slots__ = ("_last", "_steps", "_total")

    def __init__(self, weights: Sequence[float]) -> None:
        self._steps = list(accumulate(weights))
        self._total = self._steps[-1]
        self._last = len(self._steps) - 1

    def index(self, draw: float) -> int:
        """The index for a draw from 0 to 1, without 1."""
        # The bound is for a product that rounding lifts to the total.
        return bisect(self._steps, draw * self._total, 0, self._last)


def years_before(day: date, years: int) -> date:
    """The same day of an earlier year; the 28th of February where that year has no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def quantity_weights(order_value: float) -> list[float]:
    """The weights of 1 to 5 pieces in a line, for a store's order value multiplier.

    The mean quantity is multiplied by it, as far as 1 to 5 pieces allow, and the number of lines
    is left alone. Each weight is multiplied by tilt**pieces, for the tilt that gives that mean.
    """
    pieces = range(1, len(_QUANTITIES) + 1)

    def tilted(tilt: float) -> list[float]:
        # By multiplication: pow() may differ in the last bit between platforms.
        powers = accumulate(repeat(tilt, len(_QUANTITIES) - 1), mul, initial=1.0)
        return list(map(mul, _QUANTITIES, powers))

    def mean(weights: Sequence[float]) -> float:
        return fsum(n * weight for n, weight in zip(pieces, weights, strict=True)) / fsum(weights)

    wanted = mean(_QUANTITIES) * order_value
    low, high = 0.0, 1_000.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(tilted(middle)) < wanted else (low, middle)
    return tilted(high)


def draw_history(company: Company, *, customers: int, seed: int, until: date) -> History:
    """Draw the customers, and for each order of theirs the store and the day.

    A customer orders at one store, which is drawn independently of the one where they signed up.
    The year is drawn by the company's year weights, where the newest year ends on `until`; within
    the year every day is as likely as any other.
    """
    people, choices = _stream(seed, "customers"), _stream(seed, "visits")
    by_weight = _Weights([store.weight for store in company.stores])
    base_orders, years = _Weights(_BASE_ORDERS), _Weights(company.year_weights)
    ends = [years_before(until, back) for back in range(len(company.year_weights), -1, -1)]
    first_day = ends[0] + timedelta(days=1)
    starts = [(end - ends[0]).days for end in ends]
    visits: list[list[tuple[int, int]]] = [[] for _ in range(starts[-1])]
    drawn: list[Customer] = []
    for customer_id in range(1, customers + 1):
        store = company.stores[by_weight.index(choices())]
        count = max(1, int(base_orders.index(choices()) * store.order_frequency))
        first_visit = len(visits)
        for _ in range(count):
            year = years.index(choices())
            day = starts[year] + int(choices() * (starts[year + 1] - starts[year]))
            visits[day].append((customer_id, store.store_id))
            first_visit = min(first_visit, day)
        home = company.stores[by_weight.index(people())]
        since = first_day + timedelta(days=first_visit)
        drawn.append(_customer(customer_id, company, home, since, people))
    return History(drawn, first_day, visits)


def orders(history: History) -> Iterator[Order]:
    """The orders by day, and so by id."""
    order_id = 0
    for offset, visits in enumerate(history.visits):
        day = history.first_day + timedelta(days=offset)
        for customer_id, store_id in visits:
            order_id += 1
            yield Order(order_id, customer_id, store_id, day)


def draw_items(
    history: History, catalogue: Catalogue, company: Company, *, seed: int
) -> Iterator[Item]:
    """Draw the lines of each order, in the order of the orders."""
    draw = _stream(seed, "items")
    items = _Weights(_ITEMS)
    quantities = {
        store.store_id: _Weights(quantity_weights(store.order_value)) for store in company.stores
    }
    everything = [(n, product.price_cents) for n, product in enumerate(catalogue.products, 1)]
    shelves, months = _shelves(catalogue)
    item_id = 0
    for order_id, _, store_id, day in orders(history):
        seasonal = draw() < _SEASONAL_SHARE
        choice = draw()
        number = months[day.month - 1].index(choice) if seasonal else int(choice * len(shelves))
        shelf = shelves[number]
        for _ in range(1 + items.index(draw())):
            item_id += 1
            offer = shelf if draw() < _SAME_CATEGORY_SHARE else everything
            product_id, price_cents = offer[int(draw() * len(offer))]
            quantity = 1 + quantities[store_id].index(draw())
            factor = _LOWEST_PRICE + (_HIGHEST_PRICE - _LOWEST_PRICE) * draw()
            unit_price = int(price_cents * factor + 0.5)
            discounted = draw() < _DISCOUNT_SHARE
            percent = _DISCOUNTS_PERCENT[int(draw() * 5)] if discounted else 0
            discount = (unit_price * quantity * percent + 50) // 100
            total = unit_price * quantity - discount
            yield Item(
                *(item_id, order_id, store_id, product_id, quantity),
                *(unit_price, percent, discount, total),
            )


def draw_stock(catalogue: Catalogue, company: Company, *, seed: int) -> list[Stock]:
    """Draw the inventory: 10 to 100 pieces, times the store's weight, the category's mean season
    and 0.5 to 1.5, rounded down, but at least one piece."""
    draw = _stream(seed, "stock")
    season = {name: fsum(weights) / len(weights) for name, weights in catalogue.seasons.items()}
    stock: list[Stock] = []
    for store in company.stores:
        for product_id, product in enumerate(catalogue.products, 1):
            scale = store.weight * season[product.category] * (0.5 + draw())
            level = int((10 + int(draw() * 91)) * scale)
            stock.append(Stock(store.store_id, product_id, max(1, level)))
    return stock


def _stream(seed: int, name: str) -> Callable[[], float]:
    return Random(f"{name} {seed}").random  # noqa: S311  # no secrets here


def _customer(
    customer_id: int, company: Company, home: Store, since: date, draw: Callable[[], float]
) -> Customer:
    first = company.first_names[int(draw() * len(company.first_names))]
    last = company.last_names[int(draw() * len(company.last_names))]
    email = f"{first}.{last}.{customer_id}@example.com".lower()
    # 555-0100 to 555-0199 are kept free for fiction.
    phone = f"({home.area_code}) 555-01{int(draw() * 100):02}"
    created_at = datetime.combine(since, time())
    return Customer(customer_id, first, last, email, phone, home.store_id, created_at)


def _shelves(catalogue: Catalogue) -> tuple[list[list[tuple[int, int]]], list[_Weights]]:
    """For each category its products (id and list price); and for each month their weights."""
    shelves: dict[str, list[tuple[int, int]]] = {}
    for product_id, product in enumerate(catalogue.products, 1):
        shelves.setdefault(product.category, []).append((product_id, product.price_cents))
    months = [_Weights([catalogue.seasons[name][month] for name in shelves]) for month in range(12)]
    return list(shelves.values()), months
