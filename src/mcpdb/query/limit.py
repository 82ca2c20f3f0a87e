"""The row limit that the server adds to every select."""

from sqlalchemy import BindParameter

from mcpdb.query.base import Rows


def limited(select: Rows, rows: int) -> Rows:
    """The select with at most this many rows; a smaller limit of the author's own stays."""
    # There is no public way to read a select's own limit.
    own = select._limit_clause  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    fetch = select._fetch_clause  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if own is None and fetch is None:
        return select.limit(rows)
    if isinstance(own, BindParameter) and isinstance(own.value, int):
        return select.limit(min(own.value, rows))
    # A limit that only the database can compute, or FETCH FIRST: a select around it keeps both.
    # The order of a subquery that has its own LIMIT is the order in which PostgreSQL emits it.
    inner = select.subquery()
    return inner.select().limit(rows)
