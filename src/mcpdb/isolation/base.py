"""The contract: what the first statement of every transaction selects to put the tenant into it,
and what must be true of the database for that to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import ColumnElement

from mcpdb.request import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What a transaction runs on.

    Attributes:
        database: The database's own name, `current_database()`: a pooler's may be another.
        pid: The server process of the connection; None where a transaction pooler gives each
            transaction another one.
    """

    database: str
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about the database that isolation depends on and that is not so.

    Attributes:
        code: A stable word for programs, such as `table_without_rls`.
        message: What is wrong, with the names of roles, tables and functions.
        mend: The statement, or the act, that mends it.
        level: `error` keeps a server from starting, `advice` does not.
        subject: The object that it is about, where somebody may accept it for one and not another.
    """

    code: str
    message: str
    mend: str
    level: Literal["error", "advice"] = "error"
    subject: str = ""


class Prober(Protocol):
    """Looks at the database as the server's login."""

    async def fetch(
        self, query: str, *arguments: object, tenant: Tenant | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Run one query of our own in a READ ONLY transaction that is rolled back.

        Args:
            query: With `$1` and so on for the arguments.
            arguments: As the driver takes them.
            tenant: Is entered first. None: nobody is.

        Raises:
            McpdbError: Translated as for a call.
        """
        ...


class Isolation(ABC):
    """How a tenant gets into a transaction.

    The lane runs one statement before a call's own, in the same READ ONLY transaction, and
    selects these expressions in it. Whatever they set must end with the transaction: a setting
    that outlives it reaches the next tenant on the same connection.
    """

    warning: str = ""
    """A sentence that is logged at every start when this strategy does not hold against an
    attacker."""

    @abstractmethod
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        """What to select to set a tenant for the rest of the transaction.

        Asked once, when the database opens. What differs from call to call is a named
        `bindparam`, so that it never stands in the SQL text.
        """

    @abstractmethod
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        """The values of those parameters for one transaction.

        Raises:
            TenantError: This strategy cannot express the tenant.
        """

    async def check(self, prober: Prober) -> Sequence[Finding]:  # noqa: ARG002
        """What is wrong with the database, as far as this strategy depends on it.

        Asked at every start, before the first call. A server with an error does not start.
        """
        return ()

    async def check_sql(self, prober: Prober) -> Sequence[Finding]:  # noqa: ARG002
        """What is wrong with the database, as far as SQL that a model wrote depends on it.

        Asked at every start of a database that has a login for it, which is the prober's. An
        isolation that does not say otherwise does not hold against such SQL.
        """
        return [
            Finding(
                code="no_sql_lane",
                message=f"{type(self).__name__} does not hold against SQL that a model wrote.",
                mend="Use Sealed, whose wall has a login for it: Roles(sql=...).",
            )
        ]
