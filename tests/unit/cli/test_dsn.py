"""A database's URL, as the doctor hands it to the driver."""

import pytest
from sqlalchemy.engine import make_url

from mcpdb.cli.doctor import dsn_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("me@host/shop", "me@host/shop"),
        ("me:a%40b%2F@host:6/shop", "me:a%40b%2F@host:6/shop"),
        ("me@/shop?host=/tmp/a&port=7", "me@/shop?host=/tmp/a&port=7"),
        ("me@host/shop?ssl=require", "me@host/shop?sslmode=require"),
        ("me@host/shop?prepared_statement_cache_size=5", "me@host/shop"),
        ("me@/shop?host=a:1&host=b", "me@/shop?host=a%2Cb&port=1%2C5432"),
        ("me@host/shop?target_session_attrs=any", "me@host/shop?target_session_attrs=any"),
    ],
)
def test_options_by_the_names_that_the_driver_has(url: str, expected: str) -> None:
    assert dsn_of(make_url(f"postgresql+asyncpg://{url}")) == f"postgresql://{expected}"
