"""A shop with two tenants, for tests: tables, policies, rows, and a server over them."""

from typing import Annotated, Any, Final

import asyncpg
from pydantic import BaseModel, Field
from sqlalchemy import (
    Column,
    Date,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    literal,
    select,
    text,
)

from mcpdb import Database, HeaderTenancy, PlainSetting, Report, Rows, Server, Tables

APP_ROLE: Final = "shop_app"
TENANTS: Final = ("north", "south")
ROWS_PER_TENANT: Final = {"north": 1_500, "south": 700}

metadata = MetaData()
sales = Table(
    "sales",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False),
    Column("item", Text, nullable=False),
    Column("amount", Numeric(10, 2), nullable=False),
)

_SCHEMA = """
DO $$ BEGIN
  CREATE ROLE shop_app LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE sales (
  tenant text NOT NULL, id int PRIMARY KEY, day date NOT NULL,
  item text NOT NULL, amount numeric(10, 2) NOT NULL
);
INSERT INTO sales
SELECT CASE WHEN i <= 1500 THEN 'north' ELSE 'south' END, i, date '2024-01-01' + i % 365,
       CASE WHEN i <= 1500 THEN 'north-' ELSE 'south-' END || i % 10, i + 0.25
FROM generate_series(1, 2200) AS i;
ALTER TABLE sales ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sales FOR SELECT TO shop_app USING (
  tenant = ANY ((SELECT string_to_array(
    nullif(current_setting('app.tenant', true), ''), ','))::text[])
  OR (SELECT current_setting('app.tenant', true)) = '*'
);
GRANT SELECT ON sales TO shop_app;
"""


async def make_shop(dsn: str) -> None:
    """Create the tables, the policies and the rows."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_SCHEMA)
    await connection.close()


class Share(BaseModel):
    """What the report `shares` computes."""

    total: float
    items: int


def shop_server(dsn: str, **options: Any) -> Server:
    """A server over the shop: tenants come from the header `x-tenant`, unless told otherwise."""
    tenancy = options.pop("tenancy", None) or HeaderTenancy(header="x-tenant", all_value="*")
    plain = PlainSetting(setting="app.tenant", all_value="*")
    isolation = options.pop("isolation", None) or plain
    database = Database(dsn, tenancy=tenancy, isolation=isolation, **options)
    server = Server("shop", database, instructions="Sales of a shop.")

    @server.tool()
    def sales_rows(
        limit: Annotated[int, Field(ge=1, le=5_000, description="How many rows")] = 50,
    ) -> Rows:
        """Sales, the newest first."""
        return select(sales).order_by(sales.c.day.desc(), sales.c.id).limit(limit)

    @server.tool(max_rows=1_000)
    def all_sales() -> Rows:
        """All sales."""
        return select(sales.c.id, sales.c.item, sales.c.amount).order_by(sales.c.id)

    @server.tool(notice=newest_day)
    def by_item(
        item: Annotated[str, Field(max_length=20, description="Part of the item's name")] = "",
    ) -> Rows:
        """Revenue of each item."""
        revenue = func.sum(sales.c.amount).label("revenue")
        return (
            select(sales.c.item, revenue, func.count().label("sold"))
            .where(sales.c.item.contains(item, autoescape=True))
            .group_by(sales.c.item)
            .order_by(revenue.desc())
        )

    _add_reports(server)
    _add_trouble(server)
    return server


def _add_reports(server: Server) -> None:
    @server.tool()
    def shares() -> Report:
        """Total revenue and number of items."""
        total = select(func.sum(sales.c.amount).label("total"))
        items = select(sales.c.item).distinct()
        return Report({"total": total, "items": items}, then=_share)

    @server.tool()
    def overview() -> Report:
        """Newest and largest sales."""
        newest = select(sales.c.id, sales.c.day).order_by(sales.c.day.desc(), sales.c.id).limit(3)
        largest = select(sales.c.id, sales.c.amount).order_by(sales.c.amount.desc()).limit(3)
        return Report({"newest": newest, "largest": largest})


def _add_trouble(server: Server) -> None:
    @server.tool()
    def slow(
        seconds: Annotated[float, Field(ge=0, le=60, description="How long to sleep")],
    ) -> Rows:
        """Sleeps in PostgreSQL, then counts."""
        nap = select(func.pg_sleep(seconds).label("nap")).cte("nap").prefix_with("MATERIALIZED")
        count = select(func.count()).select_from(sales).scalar_subquery()
        return select(count.label("rows"), func.count(nap.c.nap).label("naps"))

    @server.tool()
    def broken(
        divisor: Annotated[int, Field(ge=0, le=10, description="Divides")] = 1,
    ) -> Rows:
        """Divides each amount."""
        return select((sales.c.amount / divisor).label("share")).order_by(sales.c.id).limit(3)


def newest_day() -> Rows:
    """The day of the newest sale that the caller may see."""
    newest = func.to_char(func.max(sales.c.day), text("'YYYY-MM-DD'"), type_=Text)
    return select((literal("The newest sale is of ") + newest).label("notice"))


def _share(tables: Tables) -> Share:
    return Share(total=float(tables["total"][0]["total"]), items=len(tables["items"]))
