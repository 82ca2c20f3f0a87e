"""The server, composed: who asks, how the tenant gets into the transaction, and the tools."""

from typing import Final

from mcpdb import (
    Database,
    EmbeddingProvider,
    HashedEmbeddings,
    Server,
    SqlLogin,
    TenancyProvider,
)
from mcpdb.isolation import Sealed
from zava.queries import add_sql_tool
from zava.tools import add_tools

_INSTRUCTIONS: Final = """\
Sales, stock and products of Zava DIY, a retailer in Washington State with seven stores and a web \
shop. You see the rows of the stores that the person you speak for may see, and no others; head \
office sees all. The data are read-only. Revenue is in US dollars. Days are counted back from the \
newest order, whose date is in each result's notice. Resolve what a person calls a product with \
semantic_search_products before you ask for its sales. Do not show ids to people."""


def embeddings() -> EmbeddingProvider:
    """What turns descriptions and questions into vectors: offline, and the same at every start."""
    return HashedEmbeddings()


def make_server(
    dsn: str, *, key: str, tenancy: TenancyProvider, sql_dsn: str | None = None
) -> Server:
    """Zava's server over a database that `zava seed` has made.

    Args:
        dsn: With the login of the role `zava_app`.
        key: By which the database knows that a tenant comes from this server.
        tenancy: Who asks.
        sql_dsn: With the login of the role `zava_sql`. None: no tool takes SQL.
    """
    database = Database(
        dsn,
        tenancy=tenancy,
        isolation=Sealed(key=key),
        embeddings=embeddings(),
        sql=None if sql_dsn is None else SqlLogin(url=sql_dsn),
    )
    server = Server(
        "zava", database, title="Zava DIY sales", version="0.1.0", instructions=_INSTRUCTIONS
    )
    add_tools(server)
    if sql_dsn is not None:
        add_sql_tool(server)
    return server
