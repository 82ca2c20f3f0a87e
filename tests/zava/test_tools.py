"""Every tool of Zava gives each identity the truth of its own stores, and nothing of the others."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from mcpdb import Database, HashedEmbeddings, PoolConfig, Request, Server, TenantError
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Sealed
from zava.access import APP_ROLE
from zava.catalogue import load_company
from zava.identity import HEAD_OFFICE, HEADER, development_identity, manager_id
from zava.tools import add_tools

COMPANY = load_company()
REGION = COMPANY.regions[0]
STORES = {store.name: store.store_id for store in COMPANY.stores}
IDENTITIES = {
    "Seattle": (manager_id("Seattle"), [1]),
    "Redmond": (manager_id("Redmond"), [6]),
    REGION.name: (str(REGION.rls_user_id), [STORES[name] for name in REGION.stores]),
    "Head office": (HEAD_OFFICE, list(STORES.values())),
    "Redmond in capitals": (manager_id("Redmond").upper(), [6]),
}
SALES = """
  FROM retail.orders o JOIN retail.order_items i USING (order_id)
  JOIN retail.products p USING (product_id) JOIN retail.stores s ON s.store_id = o.store_id
  WHERE o.store_id = ANY ($1) AND o.order_date > (
    SELECT max(order_date) FROM retail.orders WHERE store_id = ANY ($1)) - $2::int
"""
TRUTHS = {
    "sales_by_store": f"""
      SELECT s.store_name, count(DISTINCT o.order_id), count(DISTINCT o.customer_id),
             sum(i.total_amount) {SALES} GROUP BY 1 ORDER BY 4 DESC""",
    "daily_sales": f"""
      SELECT o.order_date::text, count(DISTINCT o.order_id), sum(i.quantity), sum(i.total_amount)
      {SALES} GROUP BY 1 ORDER BY 1 DESC""",
    "top_products": f"""
      SELECT p.sku, sum(i.quantity), count(DISTINCT o.order_id), sum(i.total_amount)
      {SALES} GROUP BY p.product_id, p.sku ORDER BY 4 DESC, p.product_id LIMIT 100""",
}
SHOWN = {
    "sales_by_store": ("store_name", "orders", "customers", "revenue"),
    "daily_sales": ("sales_date", "orders", "items_sold", "revenue"),
    "top_products": ("sku", "quantity_sold", "orders", "revenue"),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "sales_by_store": {"days": 366},
    "daily_sales": {"days": 366},
    "top_products": {"days": 366, "limit": 100},
}
everyone = pytest.mark.parametrize("who", IDENTITIES)


@pytest.fixture
async def truth(postgres: EmbeddedPostgres, zava: str) -> AsyncGenerator[asyncpg.Connection]:
    """A superuser's connection, for whom there are no policies."""
    connection = await asyncpg.connect(
        host=str(postgres.socket_dir), port=postgres.port, database=zava, user="postgres"
    )
    yield connection
    await connection.close()


@pytest.fixture
async def server(
    postgres: EmbeddedPostgres, zava: str, key: str, embeddings: HashedEmbeddings
) -> AsyncGenerator[Server]:
    """Zava's tools over the shared small data, with two connections for all callers."""
    database = Database(
        postgres.dsn(database=zava, user=APP_ROLE),
        tenancy=development_identity(),
        isolation=Sealed(key=key),
        embeddings=embeddings,
        pool=PoolConfig(size=2),
    )
    made = Server("zava", database)
    add_tools(made)
    async with database:
        yield made


async def ask(server: Server, who: str, tool: str, **arguments: Any) -> Mapping[str, Any]:
    request = Request(
        tool=tool,
        arguments=arguments,
        headers={HEADER: IDENTITIES[who][0]},
        peer="127.0.0.1",
    )
    result = await server.database.call(server.tools[tool], request)
    assert json.loads(result.text) == result.structured
    return result.structured


def shown(table: Mapping[str, Any], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    places = [[column["name"] for column in table["columns"]].index(name) for name in names]
    return [tuple(row[place] for place in places) for row in table["rows"]]


def plain(rows: list[asyncpg.Record]) -> list[tuple[Any, ...]]:
    return [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows]


@everyone
@pytest.mark.parametrize("tool", TRUTHS)
async def test_sales_are_those_of_the_own_stores(
    server: Server, truth: asyncpg.Connection, who: str, tool: str
) -> None:
    expected = plain(await truth.fetch(TRUTHS[tool], IDENTITIES[who][1], 366))
    table = await ask(server, who, tool, **ARGUMENTS[tool])
    assert shown(table, SHOWN[tool]) == expected
    assert expected


@everyone
async def test_stock_is_that_of_the_own_stores(
    server: Server, truth: asyncpg.Connection, who: str
) -> None:
    table = await ask(
        server,
        who,
        "semantic_search_products",
        query_description="paint",
        max_rows=100,
        similarity_threshold=0,
    )
    expected = await truth.fetch(
        "SELECT sku, sum(stock_level) FROM retail.inventory JOIN retail.products USING (product_id)"
        " WHERE store_id = ANY ($1) GROUP BY sku",
        IDENTITIES[who][1],
    )
    found = dict(shown(table, ("sku", "stock_level")))
    assert len(found) == 100
    assert found.items() <= dict(plain(expected)).items()


@everyone
async def test_valid_values_are_read_under_the_same_policies(
    server: Server, truth: asyncpg.Connection, who: str
) -> None:
    tables = (await ask(server, who, "get_multiple_table_schemas", table_names=["retail.orders"]))[
        "tables"
    ]
    years = await truth.fetch(
        "SELECT DISTINCT extract(year FROM order_date)::int::text AS y FROM retail.orders"
        " WHERE store_id = ANY ($1) ORDER BY y",
        IDENTITIES[who][1],
    )
    values = [row[2] for row in tables["valid_values"]["rows"]]
    assert values == [row["y"] for row in years]


async def test_schemas_do_not_name_what_the_caller_may_not_read(server: Server) -> None:
    tables = (
        await ask(
            server,
            "Seattle",
            "get_multiple_table_schemas",
            table_names=["retail.stores", "retail.order_items"],
        )
    )["tables"]
    columns = {(row[0], row[1]) for row in tables["columns"]["rows"]}
    assert ("stores", "store_name") in columns
    assert ("stores", "rls_user_id") not in columns
    assert any(
        "FOREIGN KEY (order_id) REFERENCES retail.orders(order_id)" in row[1]
        for row in tables["relationships"]["rows"]
    )
    assert not any(tables[name]["truncated"] for name in tables)


async def test_the_notice_says_from_which_day_days_are_counted(
    server: Server, truth: asyncpg.Connection
) -> None:
    for who, (_, stores) in IDENTITIES.items():
        newest = await truth.fetchval(
            "SELECT max(order_date)::text FROM retail.orders WHERE store_id = ANY ($1)", stores
        )
        table = await ask(server, who, "daily_sales")
        assert newest in table["notice"]
        assert table["rows"][0][0] == newest


async def test_sixty_four_interleaved_calls_never_mix(
    server: Server, truth: asyncpg.Connection
) -> None:
    expected = {
        (who, tool): plain(await truth.fetch(TRUTHS[tool], stores, 366))
        for who, (_, stores) in IDENTITIES.items()
        for tool in TRUTHS
    }
    calls = [(who, tool) for who in IDENTITIES for tool in TRUTHS] * 6
    tables = await asyncio.gather(
        *(ask(server, who, tool, **ARGUMENTS[tool]) for who, tool in calls[:64])
    )
    for (who, tool), table in zip(calls, tables, strict=False):
        assert shown(table, SHOWN[tool]) == expected[who, tool]


async def test_an_id_that_owns_nothing_sees_nothing(server: Server) -> None:
    nobody = "11111111-1111-4111-8111-111111111111"
    asked: dict[str, dict[str, Any]] = {
        "get_multiple_table_schemas": {"table_names": ["retail.orders", "retail.stores"]},
        "semantic_search_products": {"query_description": "paint"},
    }
    for name, tool in server.tools.items():
        arguments = asked.get(name, {})
        request = Request(
            tool=name, arguments=arguments, headers={HEADER: nobody}, peer="127.0.0.1"
        )
        result = (await server.database.call(tool, request)).structured
        if name == "get_multiple_table_schemas":
            assert result["tables"]["valid_values"]["rows"] == []
        elif name != "get_current_utc_date":
            assert result["rows"] == []


@pytest.mark.parametrize(
    "value", ["", "seattle", f"{manager_id('Seattle')},{manager_id('Redmond')}", "{}", "0" * 36]
)
async def test_an_identity_that_is_not_one_id_is_refused(server: Server, value: str) -> None:
    request = Request(tool="daily_sales", arguments={}, headers={HEADER: value}, peer="127.0.0.1")
    with pytest.raises(TenantError) as refused:
        await server.database.call(server.tools["daily_sales"], request)
    assert not value or value not in str(refused.value)


async def test_waterproof_outdoor_paint_is_found_among_the_first_ten() -> None:
    """With the vectors that the server really uses."""
    from zava.app import embeddings as provider  # noqa: PLC0415
    from zava.catalogue import load_catalogue  # noqa: PLC0415
    from zava.rows import embedded_text  # noqa: PLC0415

    products = load_catalogue().products
    documents = await provider().embed([embedded_text(p) for p in products], kind="document")
    (question,) = await provider().embed(["waterproof outdoor paint"], kind="query")

    def likeness(place: int) -> float:
        return sum(a * b for a, b in zip(question, documents[place], strict=True))

    best = sorted(range(len(products)), key=likeness, reverse=True)[:10]
    found = [products[place] for place in best]
    assert sum(product.category == "PAINT & FINISHES" for product in found) >= 3
