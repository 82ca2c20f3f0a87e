"""What a deployment may tune, each with its default written down. Values check themselves when
they are made; nothing here reads the environment."""

import os
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.engine import URL

from mcpdb.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one call may take and give. A tool may ask for less or more, up to the maxima."""

    default_rows: int = 100
    """Rows of a table that a result holds, where the tool does not say otherwise."""
    max_rows: int = 1_000
    """The most rows that any tool may ask for."""
    default_text_bytes: int = 48_000
    """UTF-8 bytes of a result's text, where the tool does not say otherwise: some 12,000 tokens."""
    max_text_bytes: int = 900_000
    """The most bytes of text that any tool may ask for. Text and structured content hold the same
    facts, and the two together are kept under 900,000 bytes on the wire: clients refuse events of
    1 MiB."""

    def __post_init__(self) -> None:
        _require(0 < self.default_rows <= self.max_rows, "0 < default_rows <= max_rows")
        _require(
            1_000 <= self.default_text_bytes <= self.max_text_bytes <= 900_000,
            "1000 <= default_text_bytes <= max_text_bytes <= 900000",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long mcpdb waits, in seconds."""

    deadline_s: float = 30.0
    """From a call's arrival to its answer; `statement_timeout` is what is left of it."""
    permit_s: float = 5.0
    """For one of the pool's connections. After that the call is refused, not queued."""
    connect_s: float = 10.0
    """For one connection to PostgreSQL to be made."""
    cancel_s: float = 3.0
    """For a cancelled query to stop in PostgreSQL before its connection is given up."""
    ready_s: float = 2.0
    """For the readiness check's answer."""

    def __post_init__(self) -> None:
        for name in ("deadline_s", "permit_s", "connect_s", "cancel_s", "ready_s"):
            value: float = getattr(self, name)
            _require(0 < value < 86_400, f"0 < {name} < 86400")


def _default_pool_size() -> int:
    # PostgreSQL works best with few busy connections; a query on the loopback keeps about two per
    # core busy. The floor serves small containers, the ceiling a server's usual 100 connections.
    return min(20, max(4, 2 * (os.cpu_count() or 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """The connections to PostgreSQL that one process holds."""

    size: int = field(default_factory=_default_pool_size)
    """The most calls that read at once, each on a connection: two for each CPU, at least 4 and at
    most 20. One more connection is opened when readiness is asked while all of them are busy."""
    single_flight: bool = False
    """Whether a transaction begins in the same flight as its first select: one wait instead of
    three. It leans on the inside of the driver, and stays off with a version of asyncpg that
    mcpdb's tests have not run with."""
    max_waiting: int = 100
    """Calls that may wait for a connection; the next one is refused at once."""
    max_age_s: float = 1_800.0
    """A connection older than this is replaced when it comes back."""
    application_name: str = "mcpdb"
    """What `pg_stat_activity` calls these connections."""
    pooler: Literal["pgbouncer-transaction"] | None = None
    """A pooler between mcpdb and PostgreSQL that gives each transaction another server connection.
    Statements have no name then, and nothing is bound to a server process. Opening refuses such a
    pooler where it is not declared."""

    def __post_init__(self) -> None:
        _require(1 <= self.size <= 1_000, "1 <= size <= 1000")
        _require(self.max_waiting >= 0, "max_waiting >= 0")
        _require(self.max_age_s > 0, "max_age_s > 0")
        name = self.application_name  # PostgreSQL cuts it at 63 bytes and shows others as "?"
        _require(
            0 < len(name) < 64 and name.isascii() and name.isprintable(),
            "application_name of 1 to 63 printable ASCII characters",
        )
        _require(
            self.pooler in (None, "pgbouncer-transaction"),
            'pooler of "pgbouncer-transaction" or None',
        )


@dataclass(frozen=True, slots=True)
class SqlLogin:
    """The second way to the database, on which SQL that a model wrote runs and nothing else: the
    wall's `Roles.sql`, which may read nothing by itself. Its few connections are all that such SQL
    can keep busy."""

    url: str | URL = field(repr=False)
    """As that of `Database`, with this login."""
    pool: PoolConfig = field(
        default_factory=lambda: PoolConfig(size=2, max_waiting=20, application_name="mcpdb-sql"),
        kw_only=True,
    )
    """Its connections. A pooler is declared here too."""


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001  # private, and reads as a law
    if not condition:
        msg = f"The configuration breaks the rule {rule}."
        raise ConfigurationError(msg)
