"""Every error that mcpdb raises, in one tree.

    McpdbError
    ├── ConfigurationError           something is wired wrong; raised at start
    │   ├── EmbeddedPostgresError    the embedded PostgreSQL cannot serve this folder
    │   └── IsolationError           the database does not keep tenants apart
    ├── Refused                      the call was stopped on purpose, before any SQL ran
    │   ├── TenantError              no tenant, or one that is not allowed
    │   ├── InvalidArguments         outside what the tool accepts
    │   ├── SqlRefused               SQL of a model that may not run
    │   ├── UnknownTool              no tool of that name
    │   └── TooManyCalls             over a limit of concurrency or rate
    ├── QueryFailed                  PostgreSQL answered with an error
    │   ├── QueryTimeout             the deadline passed, or the statement was cancelled
    │   └── NotAllowed               a privilege, a policy or READ ONLY said no
    ├── Unavailable                  the weather: a dependency cannot be reached now
    │   ├── DatabaseUnavailable
    │   └── EmbeddingsUnavailable
    └── ResultError                  the answer has a shape that mcpdb does not accept

`message` and `hint` are safe to show to a model: no DSN, no secret, no value of any row.
`detail` is for the operator's log only. Errors of drivers and of other libraries are translated
where they are called, by SQLSTATE and cause, never by their text.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol


class McpdbError(Exception):
    """The root of every error that mcpdb raises.

    Args:
        message: One sentence that is safe to show to a model: what was wrong.
        hint: What to do instead, equally safe; empty where nothing can be done.
        detail: What only the operator's log may hold, such as the driver's own words.
        retry_after_s: Seconds after which another try makes sense, where that is known.
    """

    code: ClassVar[str] = "error"
    """A stable word for programs; it never changes between releases."""
    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without any change."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigurationError(McpdbError):
    """The developer or operator wired something wrong. Raised at start, not in a call."""

    code = "configuration"


class EmbeddedPostgresError(ConfigurationError):
    """The embedded PostgreSQL cannot serve the folder that it was given."""

    code = "embedded_postgres"


class Fault(Protocol):
    """What an `IsolationError` tells of one of its findings: a `Finding` is one."""

    @property
    def code(self) -> str:
        """A stable word for programs."""
        ...

    @property
    def message(self) -> str:
        """What is wrong."""
        ...

    @property
    def mend(self) -> str:
        """The statement, or the act, that mends it."""
        ...


class IsolationError(ConfigurationError):
    """The database does not keep tenants apart as the isolation needs it to: it is not opened.

    Attributes:
        findings: What is wrong, each a `Finding`; `mcpdb` refuses to start until they are mended.
    """

    code = "isolation"

    def __init__(
        self,
        message: str,
        *,
        findings: Sequence[Fault] = (),
        hint: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail, retry_after_s=retry_after_s)
        self.findings: tuple[Fault, ...] = tuple(findings)


class Refused(McpdbError):
    """The call was stopped on purpose, before any SQL ran."""

    code = "refused"


class TenantError(Refused):
    """There is no tenant for this call, or not one that the caller may have."""

    code = "tenant"


class InvalidArguments(Refused):
    """An argument is missing, unknown, of a wrong type or out of its range."""

    code = "invalid_arguments"


class SqlRefused(Refused):
    """SQL that a model wrote does not keep to what may run. Nothing of it ran.

    Attributes:
        position: The character, from 1, at which what was refused begins; None: it is the whole.
    """

    code = "sql_refused"

    def __init__(  # those of every error, and the position
        self,
        message: str,
        *,
        position: int | None = None,
        hint: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail, retry_after_s=retry_after_s)
        self.position = position


class UnknownTool(Refused):
    """There is no tool of that name."""

    code = "unknown_tool"


class TooManyCalls(Refused):
    """The call is over a limit of concurrency or rate; try again later."""

    code = "too_many_calls"
    retryable = True


class QueryFailed(McpdbError):
    """PostgreSQL answered the query with an error.

    Attributes:
        sqlstate: Its code of five characters; empty where the driver alone refused.
        position: The character, from 1, of `within` that PostgreSQL points to, where it does.
        within: The query that a function of the database was running, where one was.
    """

    code = "query_failed"
    sqlstate: str = ""
    position: int | None = None
    within: str = ""


class QueryTimeout(QueryFailed):
    """The deadline passed, or the statement was cancelled in PostgreSQL (SQLSTATE 57014)."""

    code = "query_timeout"


class NotAllowed(QueryFailed):
    """A privilege, a policy or the READ ONLY transaction refused the query."""

    code = "not_allowed"


class Unavailable(McpdbError):
    """A dependency cannot be reached now; the same call may succeed later."""

    code = "unavailable"
    retryable = True


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached, refuses connections, or closed this one."""

    code = "database_unavailable"


class EmbeddingsUnavailable(Unavailable):
    """The embedding service cannot be reached, or answered with an error."""

    code = "embeddings_unavailable"


class ResultError(McpdbError):
    """The answer has a shape that mcpdb does not accept, such as a vector of a wrong length."""

    code = "result"
