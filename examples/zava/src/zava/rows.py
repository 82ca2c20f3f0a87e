"""The rows of the tables as PostgreSQL takes them: records, and for the two large tables the bytes
of COPY's binary format. Pure; `load.py` sends them."""

import struct
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from zava import tables
from zava.catalogue import Catalogue, Company, Product
from zava.generate import Item, Order, draw_stock

Records: TypeAlias = Iterable[tuple[Any, ...]]

# https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT
COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER: Final = struct.pack("!h", -1)
_EPOCH: Final = date(2000, 1, 1).toordinal()

# A numeric: its length, then the number of digits, weight, sign and scale, and the digits, which
# are of base 10,000: here always two before the point and one after it. PostgreSQL strips zeros.
_INTEGER, _CENTS = "ii", "ihhhhhhh"
_ORDER: Final = struct.Struct("!h" + 4 * _INTEGER)
_ITEM: Final = struct.Struct("!h" + 5 * _INTEGER + _CENTS + _INTEGER + 2 * _CENTS)


def reference_rows(
    catalogue: Catalogue, company: Company, *, seed: int
) -> Iterator[tuple[sa.Table, Records]]:
    """The rows of the tables that do not depend on customers, in an order that foreign keys like.

    Args:
        catalogue: The products.
        company: The stores, and who sees them.
        seed: Of the stock.
    """
    category_ids = {name: n for n, name in enumerate(catalogue.categories, 1)}
    type_ids = {pair: n for n, pair in enumerate(catalogue.types, 1)}
    stores = [
        (each.store_id, each.name, each.rls_user_id, each.is_online) for each in company.stores
    ]
    types = [(n, category_ids[category], name) for (category, name), n in type_ids.items()]
    products = [
        (
            *(n, each.sku, each.name),
            *(category_ids[each.category], type_ids[each.category, each.type]),
            *(each.cost, Decimal(each.price_cents).scaleb(-2), Decimal(33)),
            each.description,
        )
        for n, each in enumerate(catalogue.products, 1)
    ]
    yield tables.stores, stores
    yield tables.store_access, _access(company)
    yield tables.categories, [(n, name) for name, n in category_ids.items()]
    yield tables.product_types, types
    yield tables.products, products
    yield tables.inventory, draw_stock(catalogue, company, seed=seed)


def embedded_text(product: Product) -> str:
    """What of a product is turned into a vector."""
    return f"{product.name}. {product.description} {product.category} {product.type}"


def pack_order(order: Order) -> bytes:
    """A row of `orders` in COPY's binary format."""
    order_id, customer_id, store_id, day = order
    return _ORDER.pack(4, 4, order_id, 4, customer_id, 4, store_id, 4, day.toordinal() - _EPOCH)


def pack_item(item: Item) -> bytes:
    """A row of `order_items` in COPY's binary format."""
    item_id, order_id, store_id, product_id, quantity, price, percent, discount, total = item
    return _ITEM.pack(
        *(9, 4, item_id, 4, order_id, 4, store_id, 4, product_id, 4, quantity),
        *(14, 3, 1, 0, 2, price // 1_000_000, price // 100 % 10_000, price % 100 * 100),
        *(4, percent),
        *(14, 3, 1, 0, 2, discount // 1_000_000, discount // 100 % 10_000, discount % 100 * 100),
        *(14, 3, 1, 0, 2, total // 1_000_000, total // 100 % 10_000, total % 100 * 100),
    )


def _access(company: Company) -> Records:
    store_ids = {store.name: store.store_id for store in company.stores}
    for store in company.stores:
        yield store.rls_user_id, store.store_id
    for region in company.regions:
        for name in region.stores:
            yield region.rls_user_id, store_ids[name]
