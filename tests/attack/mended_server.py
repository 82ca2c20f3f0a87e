"""The weak server's tools as mcpdb makes them: the same rows, the same questions, no hole."""

from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from attack.sales import HEAD_OFFICE, HEADER
from mcpdb import Catalog, Database, Rows, Server, SqlLogin
from mcpdb.isolation import Protected, Roles, Sealed, Shared, Wall
from mcpdb.tenancy import HeaderTenancy
from servers import Fresh

_metadata = sa.MetaData(schema="sales")
orders = sa.Table(
    "orders",
    _metadata,
    sa.Column("order_id", sa.Integer, primary_key=True),
    sa.Column("manager", sa.Text),
    sa.Column("store_id", sa.Integer),
    sa.Column("customer", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("sku", sa.Text),
    sa.Column("total", sa.Numeric(10, 2)),
)
stores = sa.Table(
    "stores",
    _metadata,
    sa.Column("store_id", sa.Integer, primary_key=True),
    sa.Column("store_name", sa.Text),
)


def wall_of_sales(fresh: Fresh) -> Wall:
    """The wall around the tables."""
    return Wall(
        tables=(
            Protected("sales.orders", "manager"),
            Shared("sales.stores"),
            Shared("sales.products"),
        ),
        roles=Roles(
            app=fresh.role("app"),
            keeper=fresh.role("keeper"),
            sql=fresh.role("sql"),
            reader=fresh.role("reader"),
        ),
        tenants=("sales.managers", "manager"),
        writers=[fresh.admin],
    )


def make_mended(dsn: str, sql_dsn: str, key: str) -> Server:
    """The server."""
    database = Database(
        dsn,
        tenancy=HeaderTenancy(header=HEADER, pattern=r"[0-9a-f-]{36}", all_value=HEAD_OFFICE),
        isolation=Sealed(key=key),
        sql=SqlLogin(url=sql_dsn),
    )
    server = Server("mended", database)
    server.sql_tool("execute_query", catalog=Catalog.of(orders, stores))
    _add_lists(server)
    _add_questions(server)
    return server


def _add_lists(server: Server) -> None:

    @server.tool()
    def find_orders(
        customer: Annotated[str, Field(description="The beginning of a name", max_length=200)],
    ) -> Rows:
        """Orders of customers whose name begins so."""
        return (
            sa.select(orders.c.order_id, orders.c.customer, orders.c.total)
            .where(orders.c.customer.startswith(customer, autoescape=True))
            .order_by(orders.c.order_id)
            .limit(50)
        )

    @server.tool()
    def store_sales() -> Rows:
        """What customers have bought."""
        return sa.select(stores.c.store_name, orders.c.customer, orders.c.total).join(
            stores, stores.c.store_id == orders.c.store_id
        )

    @server.tool()
    def list_orders() -> Rows:
        """The newest orders."""
        return (
            sa.select(orders.c.order_id, orders.c.email, orders.c.sku, orders.c.total)
            .order_by(orders.c.order_id.desc())
            .limit(20)
        )

    @server.tool()
    def my_orders() -> Rows:
        """Five orders."""
        return (
            sa.select(orders.c.order_id, orders.c.customer, orders.c.total)
            .order_by(orders.c.order_id)
            .limit(5)
        )


def _add_questions(server: Server) -> None:
    @server.tool()
    def get_order(order_id: int) -> Rows:
        """One order."""
        return sa.select(
            orders.c.order_id, orders.c.customer, orders.c.email, orders.c.total
        ).where(orders.c.order_id == order_id)

    @server.tool()
    def check_email(email: str) -> Rows:
        """Whether an e-mail is free among one's own orders."""
        return sa.select((sa.func.count() == 0).label("free")).where(orders.c.email == email)

    @server.tool()
    def best_customer() -> Rows:
        """The best customer."""
        return sa.select(orders.c.customer, orders.c.total).order_by(orders.c.total.desc()).limit(1)
