"""The public API as users type it: read by mypy and pyright, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

import datetime as dt
import enum
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, assert_type

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field
from sqlalchemy import Column, Integer, MetaData, Numeric, Table, Text, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from typing_extensions import override

from mcpdb import (
    ConfigurationError,
    Database,
    Embedded,
    EmbeddingProvider,
    FixedTenancy,
    HashedEmbeddings,
    HeaderTenancy,
    Limits,
    McpdbError,
    PlainSetting,
    PoolConfig,
    Principal,
    Report,
    Request,
    Result,
    Rows,
    Server,
    Tables,
    TenancyProvider,
    Tenant,
    TenantError,
    Timeouts,
    ToolOptions,
)
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.embeddings import EmbeddingKind
from mcpdb.query.base import AnyTool

items = Table("items", MetaData(), Column("id", Integer), Column("name", Text))


class Base(DeclarativeBase):
    """Tables as classes."""


class Sale(Base):
    """A table as a class."""

    __tablename__ = "sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[Decimal] = mapped_column(Numeric(10, 2))


database = Database(
    "postgresql+asyncpg://shop_mcp@localhost/shop",
    tenancy=HeaderTenancy(header="x-tenant", all_value="*"),
    isolation=PlainSetting(setting="app.tenant"),
    embeddings=HashedEmbeddings(dimensions=384),
    limits=Limits(default_rows=50),
    timeouts=Timeouts(deadline_s=10),
    pool=PoolConfig(size=4),
)
other = Database(
    make_url("postgresql://localhost/shop"),
    tenancy=FixedTenancy(Tenant.of("north")),
    isolation=PlainSetting(setting="app.tenant", separator=";", all_value="*"),
)
server = Server("shop", database, title="Shop", version="1.0", instructions="Ask about sales.")


class Unit(enum.Enum):
    """A choice."""

    METRE = "m"


class Total(BaseModel):
    """What a report computes."""

    total: Decimal


@server.tool()
def core(days: Annotated[int, Field(ge=1, le=365)] = 30, unit: Unit = Unit.METRE) -> Rows:
    """A select of tables."""
    return select(items.c.id, func.count().label("sold")).limit(days).where(items.c.name == unit)


@server.tool(name="of_classes", title="Of classes", max_rows=10, max_bytes=9_000, timeout_s=2.5)
def orm(day: dt.date | None = None, kind: Literal["a", "b"] = "a") -> Rows:
    """A select of mapped classes."""
    return select(Sale.id, Sale.total).where(Sale.id == func.length(f"{day}{kind}"))


@server.tool(columns="dynamic", notice=lambda: select(func.now().label("now")))
def search(question: Annotated[Embedded, Field(max_length=200)], plain: Embedded) -> Rows:
    """Takes texts with their vectors."""
    assert_type(question.text, str)
    assert_type(plain.vector, Sequence[float])
    return select(items)


@server.tool()
def report() -> Report:
    """Several selects."""
    return Report({"sales": select(Sale.total), "items": select(items)}, then=total)


def total(tables: Tables) -> Total:
    """The sum of the sales."""
    assert_type(tables["sales"], Sequence[Mapping[str, Any]])
    return Total(total=sum((row["total"] for row in tables["sales"]), start=Decimal(0)))


# The decorator leaves a function what it was: it can be called and tested.
rows: Rows = core(days=3)
made: Report = report()
assert_type(server.tools, Mapping[str, AnyTool])
server.add_tool(core, ToolOptions(name="core_again", columns="dynamic"))
attached: MCPServer[dict[str, int]] = MCPServer("mine")
server.attach(attached)
app: Starlette = server.http_app(path="/mcp", allowed_hosts=["api.example.org"])
run: Callable[[], None] = server.run


class SessionTenancy(TenancyProvider):
    """A provider of a third party."""

    @override
    async def resolve(self, request: Request) -> Tenant:
        assert_type(request.principal, Principal)
        subject: str | None = request.principal.subject
        if subject is None:
            msg = "Nobody."
            raise TenantError(msg, hint="Log in.", detail="no session", retry_after_s=None)
        return Tenant.of(subject).narrow([subject])


class OwnEmbeddings(EmbeddingProvider):
    """A provider of a third party."""

    name = "own"
    dimensions = 2

    @override
    async def embed_batch(
        self, texts: Sequence[str], *, kind: EmbeddingKind
    ) -> list[tuple[float, float]]:
        return [(float(len(text)), float(len(kind))) for text in texts]


async def use() -> None:
    """As an application does."""
    async with EmbeddedPostgres("data", port=5433) as postgres, database as opened:
        assert_type(opened, Database)
        assert_type(postgres.dsn(database="shop", user="app"), str)
        tool = server.tools["core"]
        try:
            result = await opened.call(tool, Request(tool="core", arguments={"days": 3}))
        except ConfigurationError as error:
            assert_type(error.code, str)
        except McpdbError as error:
            assert_type(error.retry_after_s, float | None)
        else:
            assert_type(result, Result)
            assert_type(result.text, str)
        assert_type(Tenant.all().text, str)
        assert_type(Tenant.all().ids, frozenset[str])


# What must not pass.
Database("postgresql://localhost/shop")  # type: ignore[call-arg]
Limits(100)  # type: ignore[call-arg]
Tenant.of(7)  # type: ignore[arg-type]
ToolOptions(columns="some")  # type: ignore[arg-type]
TenancyProvider()  # type: ignore[abstract]
EmbeddingProvider()  # type: ignore[abstract]


@server.tool()  # type: ignore[type-var]
def a_list() -> list[int]:
    """Not a select."""
    return [1]


@server.tool()  # type: ignore[type-var]
async def coroutine() -> Rows:
    """Not a plain function."""
    return select(items)
