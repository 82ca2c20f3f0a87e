"""A server with one tool for each type, asked by real clients of both eras: a text goes in, is cast
to the type by PostgreSQL, and comes back as a cell beside PostgreSQL's own text of the value."""

import enum
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any, Final, Literal

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import strategies as st
from mcp import Client
from mcp_types import CallToolResult, TextContent
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC, VECTOR
from sqlalchemy import (
    ARRAY,
    JSON,
    REAL,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    Time,
    Uuid,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.types import TypeEngine, UserDefinedType
from typing_extensions import override

from mcpdb import Database, FixedTenancy, Limits, PlainSetting, Rows, Server, Tenant

Era = Literal["auto", "legacy"]
ERAS: Final[tuple[Era, ...]] = ("auto", "legacy")
PATIENCE_S: Final = 30.0

SCHEMA: Final = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE TYPE weather AS ENUM ('SUN', 'RAIN');
CREATE TYPE price AS (amount numeric, currency text);
CREATE TYPE "position" AS (price price, tags text[]);
CREATE TYPE textrange AS RANGE (subtype = text);
"""


class Weather(enum.Enum):
    """SQLAlchemy stores the names; what tools take as arguments, and say, are the values."""

    SUN = "sunny"
    RAIN = "rainy"


class Named(UserDefinedType[Any]):
    """A type that SQLAlchemy has no word for: values are what the driver makes of them."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name

    @override
    def __repr__(self) -> str:
        return self.name


_KNOWN: Final[dict[str, TypeEngine[Any]]] = {
    "bool": Boolean(),
    "int2": SmallInteger(),
    "int4": Integer(),
    "int8": BigInteger(),
    "numeric": Numeric(),
    "numeric_10_2": Numeric(10, 2),
    "float4": REAL(),
    "float8": Double(),
    "text": Text(),
    "bytea": LargeBinary(),
    "date": Date(),
    "time": Time(),
    "timetz": Time(timezone=True),
    "timestamp": DateTime(),
    "timestamptz": DateTime(timezone=True),
    "interval": pg.INTERVAL(),
    "uuid": Uuid(),
    "json": JSON(),
    "jsonb": pg.JSONB(),
    "int4_array": ARRAY(Integer),
    "numeric_array": ARRAY(Numeric),
    "text_array": ARRAY(Text),
    "mood": pg.ENUM("sad", "so so", "happy", name="mood"),
    "weather": Enum(Weather, name="weather"),
    "int4range": pg.INT4RANGE(),
    "int8range": pg.INT8RANGE(),
    "numrange": pg.NUMRANGE(),
    "daterange": pg.DATERANGE(),
    "tsrange": pg.TSRANGE(),
    "tstzrange": pg.TSTZRANGE(),
    "int4multirange": pg.INT4MULTIRANGE(),
    "nummultirange": pg.NUMMULTIRANGE(),
    "inet": pg.INET(),
    "cidr": pg.CIDR(),
    "macaddr": pg.MACADDR(),
    "vector": VECTOR(),
    "halfvec": HALFVEC(),
    "sparsevec": SPARSEVEC(),
    "varbit": pg.BIT(varying=True),
    "money": pg.MONEY(),
    "tsvector": pg.TSVECTOR(),
}
_UNKNOWN: Final = (
    "textrange",
    "price",
    "bit varying",
    "oid",
    "xid8",
    "pg_lsn",
    "name",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
)


def types() -> dict[str, TypeEngine[Any]]:
    """The type of each tool by the tool's name."""
    named = {name.replace(" ", "_"): Named(name) for name in _UNKNOWN}
    return {**_KNOWN, **named, "char": Named('"char"'), "position": Named('"position"')}


class Typed:
    """The clients, callable from ordinary tests: hypothesis does not run coroutines."""

    def __init__(self, portal: BlockingPortal, clients: Mapping[Era, Client]) -> None:
        self._portal = portal
        self._clients = clients

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """The answer, which must be the same in both eras."""
        answers: list[CallToolResult] = [
            self._portal.call(self._call, client, tool, arguments)
            for client in self._clients.values()
        ]
        assert answers[0].content == answers[1].content
        assert answers[0].structured_content == answers[1].structured_content
        return answers[0]

    def ask(self, tool: str, values: Sequence[str | None]) -> list[tuple[Any, Any]]:
        """For each value the cell, and PostgreSQL's own text."""
        answer = self.call(tool, values=list(values))
        (part,) = answer.content
        assert isinstance(part, TextContent)
        assert not answer.is_error, part.text
        structured = answer.structured_content
        assert part.text == json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
        assert structured is not None
        assert len(structured["rows"]) == len(values)
        return [(cell, text) for cell, text in structured["rows"]]

    def error(self, tool: str, value: str) -> str:
        """What is said of a value that cannot be shown; the next call must work again."""
        answer = self.call(tool, values=[value])
        (part,) = answer.content
        assert isinstance(part, TextContent)
        assert answer.is_error, answer.structured_content
        assert value not in part.text
        assert self.ask("int4", ["1"]) == [(1, "1")]
        return part.text

    @staticmethod
    async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        answer = await client.call_tool(tool, arguments, read_timeout_seconds=PATIENCE_S)
        assert isinstance(answer, CallToolResult)
        return answer


def _reads(sql_type: TypeEngine[Any], name: str) -> Callable[[list[str | None]], Rows]:
    def tool(values: list[str | None]) -> Rows:
        item = func.unnest(literal(values, ARRAY(Text))).column_valued("item")
        value = cast(item, sql_type)
        return select(value.label("value"), cast(value, Text).label("text"))

    tool.__name__ = name
    tool.__doc__ = f"Values of the type {name}."
    return tool


def server(dsn: str) -> Server:
    """A server with a tool for each type."""
    database = Database(
        dsn,
        tenancy=FixedTenancy(Tenant.of("nobody")),
        isolation=PlainSetting(setting="app.tenant"),
        limits=Limits(default_text_bytes=900_000),
    )
    made = Server("typed", database)
    for name, sql_type in types().items():
        made.add_tool(_reads(sql_type, name))
    return made


@contextmanager
def connected(made: Server) -> Generator[Typed]:
    """Clients of both eras, connected to this server."""
    with start_blocking_portal() as portal, ExitStack() as stack:
        clients: dict[Era, Client] = {}
        for era in ERAS:
            client = Client(made.mcp(), mode=era)
            clients[era] = stack.enter_context(portal.wrap_async_context_manager(client))
        yield Typed(portal, clients)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[str | None]]:
    """Up to twelve values as texts, some of them NULL: one call asks for all."""
    return st.lists(st.none() | values.map(str), min_size=1, max_size=12)


def as_number(cell: object) -> Decimal:
    """The number that a cell says, as a reader of the JSON sees it."""
    assert isinstance(cell, str | int | float)
    assert not isinstance(cell, bool)
    return Decimal(cell if isinstance(cell, str) else repr(cell))
