"""`execute_sales_query`: SQL that a model writes sees the rows of the caller's own stores."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import asyncpg
import pytest

from mcpdb import McpdbError, NotAllowed, Request, Server, SqlRefused
from mcpdb.embedded import EmbeddedPostgres
from stores import Connect
from zava.access import APP_ROLE, SQL_ROLE
from zava.app import make_server
from zava.catalogue import load_company
from zava.identity import HEAD_OFFICE, HEADER, development_identity, manager_id
from zava.queries import CATALOG

COMPANY: Final = load_company()
REGION: Final = COMPANY.regions[0]
STORES: Final = {store.name: store.store_id for store in COMPANY.stores}
IDENTITIES: Final = {
    "Seattle": (manager_id("Seattle"), [1]),
    "Redmond": (manager_id("Redmond"), [6]),
    REGION.name: (str(REGION.rls_user_id), [STORES[name] for name in REGION.stores]),
    "Head office": (HEAD_OFFICE, list(STORES.values())),
}
# Each with the same question as a superuser asks it, of the stores $1.
QUESTIONS: Final = {
    "SELECT count(*), sum(total_amount) FROM retail.order_items": "SELECT count(*),"
    " sum(total_amount) FROM retail.order_items WHERE store_id = ANY ($1)",
    "WITH monthly AS (SELECT date_trunc('month', o.order_date) AS month, sum(i.total_amount) AS"
    " revenue FROM orders o JOIN order_items i USING (order_id) GROUP BY 1)"
    " SELECT to_char(month, 'YYYY-MM'), revenue, round(100 * revenue / lag(revenue) OVER (ORDER BY"
    " month) - 100, 1) FROM monthly ORDER BY month": "WITH monthly AS (SELECT date_trunc('month',"
    " o.order_date) AS month, sum(i.total_amount) AS revenue FROM retail.orders o JOIN"
    " retail.order_items i USING (order_id) WHERE o.store_id = ANY ($1) GROUP BY 1)"
    " SELECT to_char(month, 'YYYY-MM'), revenue, round(100 * revenue / lag(revenue) OVER (ORDER BY"
    " month) - 100, 1) FROM monthly ORDER BY month",
    "SELECT category_name, count(DISTINCT i.order_id) FILTER (WHERE quantity > 1) AS several"
    " FROM order_items i JOIN products USING (product_id) JOIN categories USING (category_id)"
    " GROUP BY 1 ORDER BY 1": "SELECT category_name, count(DISTINCT i.order_id) FILTER (WHERE"
    " quantity > 1) FROM retail.order_items i JOIN retail.products USING (product_id)"
    " JOIN retail.categories USING (category_id) WHERE i.store_id = ANY ($1) GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FROM customers": "SELECT count(*) FROM retail.customers WHERE"
    " primary_store_id = ANY ($1) OR customer_id IN (SELECT customer_id FROM retail.orders"
    " WHERE store_id = ANY ($1))",
}
HOSTILE: Final = (
    "SELECT set_config('mcpdb.ctx', 'x', true)",
    "SELECT * FROM retail.store_access",
    "SELECT rls_user_id FROM retail.stores",
    "SELECT s.rls_user_id FROM retail.stores s",
    "SELECT * FROM pg_stat_activity",
    "SELECT reltuples FROM pg_catalog.pg_class",
    "EXPLAIN SELECT * FROM retail.orders",
    "SELECT 1; SELECT 2",
    "SELECT * FROM ts_stat('SELECT to_tsvector(first_name) FROM retail.customers')",
    "SELECT (3::float8).pg_sleep",
    "DELETE FROM retail.orders",
    "SELECT ctid FROM retail.orders",
)
everyone = pytest.mark.parametrize("who", IDENTITIES)


@pytest.fixture
async def server(postgres: EmbeddedPostgres, zava: str, key: str) -> AsyncGenerator[Server]:
    """Zava as it is served, over the shared small data."""
    made = make_server(
        postgres.dsn(database=zava, user=APP_ROLE),
        key=key,
        tenancy=development_identity(),
        sql_dsn=postgres.dsn(database=zava, user=SQL_ROLE),
    )
    async with made.database:
        yield made


@pytest.fixture
async def truth(connect: Connect, zava: str) -> asyncpg.Connection:
    """A superuser's connection, for whom there are no policies."""
    return await connect(zava, "postgres")


async def ask(server: Server, who: str, sql: str) -> Mapping[str, Any]:
    """What the tool answers."""
    request = Request(
        tool="execute_sales_query",
        arguments={"postgresql_query": sql},
        headers={HEADER: IDENTITIES[who][0]},
        peer="127.0.0.1",
    )
    tool = server.tools["execute_sales_query"]
    return (await server.database.call(tool, request)).structured


def same(rows: list[list[Any]], expected: list[asyncpg.Record]) -> bool:
    """Whether the rows are these: a numeric may have come as a number."""
    return [[str(float(v)) if isinstance(v, int | float) else v for v in row] for row in rows] == [
        [str(float(v)) if v is not None and not isinstance(v, str) else v for v in row]
        for row in expected
    ]


@everyone
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_is_answered_from_the_own_stores(
    server: Server, truth: asyncpg.Connection, who: str, question: str
) -> None:
    expected = await truth.fetch(QUESTIONS[question], IDENTITIES[who][1])
    answer = await ask(server, who, question)
    assert same(answer["rows"], expected)
    assert expected


@pytest.mark.parametrize("sql", HOSTILE)
async def test_what_is_no_question_is_refused(server: Server, sql: str) -> None:
    for who in ("Seattle", "Redmond"):
        with pytest.raises(McpdbError) as refused:
            await ask(server, who, sql)
        assert isinstance(refused.value, SqlRefused | NotAllowed)
        assert IDENTITIES[who][0] not in str(refused.value)


async def test_managers_ask_at_once_and_each_gets_the_own(
    server: Server, truth: asyncpg.Connection
) -> None:
    sql, of_stores = next(iter(QUESTIONS.items()))
    expected = {who: await truth.fetch(of_stores, own) for who, (_, own) in IDENTITIES.items()}
    crowd = [*IDENTITIES] * 5
    answers = await asyncio.gather(*(ask(server, who, sql) for who in crowd))
    for who, answer in zip(crowd, answers, strict=True):
        assert same(answer["rows"], expected[who]), who


async def test_a_misspelt_name_is_answered_with_the_nearest(server: Server) -> None:
    with pytest.raises(McpdbError, match=r"orders") as refused:
        await ask(server, "Seattle", "SELECT count(*) FROM retail.ordrs")
    assert "retail.orders" in refused.value.hint
    with pytest.raises(McpdbError) as unknown:
        await ask(server, "Seattle", "SELECT total_amout FROM retail.order_items")
    assert "order_items.total_amount" in str(unknown.value)


def test_whose_id_is_whose_is_not_in_the_catalog() -> None:
    assert CATALOG.find("retail", "store_access") is None
    stores = CATALOG.find("retail", "stores")
    assert stores is not None
    assert "rls_user_id" not in stores.columns


async def test_without_a_login_for_it_there_is_no_tool_for_sql(
    postgres: EmbeddedPostgres, zava: str, key: str
) -> None:
    dsn = postgres.dsn(database=zava, user=APP_ROLE)
    made = make_server(dsn, key=key, tenancy=development_identity())
    assert "execute_sales_query" not in made.tools
