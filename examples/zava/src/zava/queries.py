"""The tool for questions that no other tool answers: a model writes the SQL. What it may name
stands here; whose rows it sees, the database decides."""

from typing import Final

from mcpdb import Catalog, Server, SqlToolOptions
from zava.access import WALL
from zava.tables import metadata

# What the server may read, but for what only the loading of data is about.
_TABLES: Final = [
    table
    for table in metadata.sorted_tables
    if table.name not in {"store_access", "seed_info", "product_image_embeddings"}
]
CATALOG: Final = Catalog.of(
    *_TABLES,
    columns={str(each.table): each.columns for each in WALL.tables if each.columns is not None},
)

_DESCRIPTION: Final = """\
Answer a question that no other tool answers with one SELECT in PostgreSQL's SQL (CTEs, joins, \
window functions, set operations). It sees the rows of the stores that you can see, and changes \
nothing. Call get_multiple_table_schemas first for columns and valid values. Aggregate in SQL: \
only the first 100 rows come back. Tables, all in the schema retail: {tables}."""


def add_sql_tool(server: Server) -> None:
    """Register `execute_sales_query`."""
    tables = ", ".join(sorted(relation.name for relation in CATALOG.relations))
    server.sql_tool(
        "execute_sales_query",
        catalog=CATALOG,
        options=SqlToolOptions(
            parameter="postgresql_query", description=_DESCRIPTION.format(tables=tables)
        ),
    )
