"""A guard of a small shop, once with each parser."""

from collections.abc import Callable

import pytest

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql import Guard
from mcpdb.sql.parser import Parser
from mcpdb.sql.pgparse_parser import PgparseParser
from mcpdb.sql.postgast_parser import PostgastParser

PARSERS: dict[str, Callable[[], Parser]] = {"pgparse": PgparseParser, "postgast": PostgastParser}


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog(
        [
            Relation("retail", "orders", ("order_id", "customer_id", "store_id", "ordered_on")),
            Relation("retail", "order_items", ("order_id", "product_id", "quantity", "total")),
            Relation("retail", "products", ("product_id", "name", "price", "tags", "embedding")),
            Relation("retail", "customers", ("customer_id", "email", "first_name")),
            Relation("retail", "notes", ("note_id", "body")),
            Relation("archive", "notes", ("note_id", "body")),
        ]
    )


@pytest.fixture(scope="session", params=sorted(PARSERS))
def parser(request: pytest.FixtureRequest) -> Parser:
    return PARSERS[request.param]()


@pytest.fixture(scope="session")
def guard(catalog: Catalog, parser: Parser) -> Guard:
    return Guard(catalog, parser=parser)


@pytest.fixture(scope="session")
def refused(guard: Guard) -> Callable[[str], SqlRefused]:
    """The refusal of a statement that has to be refused, and never as one that surprised."""

    def refusal(sql: str) -> SqlRefused:
        with pytest.raises(SqlRefused) as caught:
            guard.inspect(sql)
        assert caught.value.__cause__ is None, sql
        assert caught.value.hint, sql
        return caught.value

    return refusal
