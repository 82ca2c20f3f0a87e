"""What a tool for SQL may be given. Nothing here needs a parser."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mcpdb.errors import ConfigurationError

_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlToolOptions:
    """What a tool for SQL may be given besides its name and its catalog.

    Attributes:
        parameter: The name of its one argument.
        title: For people; the name in words by default.
        description: For the model; by default how to ask, and the relations with their columns.
        functions: That a query may call besides those of PostgreSQL that are pure: `name`, or
            `schema.name`. They run with the rights of the wall's reader.
        types: To which a query may cast besides the usual ones: enums, for example.
        max_rows: Of a result.
        max_bytes: UTF-8 bytes of the result's text, at least 1,000.
        timeout_s: From arrival to answer, at most; PostgreSQL stops the statement just before.
        work_mem_mb: What each sort or hash of a query may take in memory. None: the login's own.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    parameter: str = "sql"
    title: str | None = None
    description: str | None = None
    functions: Collection[str] = ()
    types: Collection[str] = ()
    max_rows: int | None = None
    max_bytes: int | None = None
    timeout_s: float = _TIMEOUT_S
    work_mem_mb: int | None = None

    def __post_init__(self) -> None:
        if not self.timeout_s > 0:
            raise ConfigurationError("timeout_s is more than 0.")
        if self.work_mem_mb is not None and not 1 <= self.work_mem_mb <= 4_096:
            raise ConfigurationError("work_mem_mb is from 1 to 4096.")
        if not self.parameter.isidentifier() or self.parameter.startswith("_"):
            raise ConfigurationError("The parameter is named as an argument in Python is.")
