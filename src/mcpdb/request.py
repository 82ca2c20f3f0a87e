"""What came in and for whom: the values that travel forward through a call. They hold no
behaviour of the stages; a stage reads them and hands them on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from mcpdb.errors import TenantError

_MAX_ID_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, as far as the transport has verified it.

    A principal without a subject is anonymous: nobody was verified. That is so over stdio and on a
    server without authorization; with the MCP SDK's, on which tools are put by `Server.attach`, it
    is the access token's. Headers are not identity; they are in `Request.headers`.
    """

    subject: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    scopes: frozenset[str] = frozenset()


ANONYMOUS = Principal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of one tool, before anything about it is decided.

    Attributes:
        tool: The tool's name.
        arguments: As the model sent them, not yet checked.
        principal: Who the transport has verified.
        headers: Of the HTTP request, names in lower case; empty over stdio. Anyone can send them.
        peer: The client's address as the HTTP server sees it; None over stdio and in memory.
    """

    tool: str
    arguments: Mapping[str, object]
    principal: Principal = ANONYMOUS
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows a call may see: a non-empty set of ids, or all of them.

    Make one with `Tenant.of` or `Tenant.all`. There is no empty tenant and no default one: a
    provider that finds nobody raises `TenantError`.
    """

    ids: frozenset[str]
    is_all: bool = False

    def __post_init__(self) -> None:
        # Exactly a frozenset and exactly a bool, whatever a provider read out of a claim: the
        # letters of a text would be tenants, and any other true value would mean all of them.
        is_set, is_flag = type(self.ids) is frozenset, type(self.is_all) is bool
        if not is_set or not is_flag or self.is_all == bool(self.ids):
            msg = "A tenant is a non-empty set of ids, or all."
            raise TenantError(msg)
        object.__setattr__(self, "ids", frozenset(map(_checked_id, self.ids)))

    @classmethod
    def of(cls, *ids: str) -> Self:
        """The tenant with these ids.

        Raises:
            TenantError: No id, an empty one, one that PostgreSQL cannot hold as text (NUL, a lone
                surrogate), or one of more than 10,000 characters.
        """
        return cls(frozenset(map(_checked_id, ids)))

    @classmethod
    def all(cls) -> Self:
        """Every tenant at once: a head office. Only from an explicit grant, never an absence."""
        return cls(frozenset(), is_all=True)

    @property
    def text(self) -> str:
        """The canonical text: equal for equal tenants, and different for different ones.

        `*` for all; otherwise each id in sorted order as `<length in octets of UTF-8>:<id>`.
        """
        if self.is_all:
            return "*"
        return "".join(f"{len(tenant_id.encode())}:{tenant_id}" for tenant_id in sorted(self.ids))

    def narrow(self, ids: Iterable[str]) -> "Tenant":
        """The part of this tenant that has these ids; it never widens.

        Raises:
            TenantError: An id is not within this tenant, or there is none. The message does not
                name it.
        """
        if isinstance(ids, str):  # its letters would be the ids
            msg = "A tenant is narrowed to a list of ids."
            raise TenantError(msg)
        chosen = frozenset(map(_checked_id, ids))
        if not self.is_all and not chosen <= self.ids:
            msg = "The request asks for a tenant outside what the caller may see."
            raise TenantError(msg, hint="Leave the choice out, or choose among your own.")
        return Tenant(chosen)


def _checked_id(tenant_id: object) -> str:
    if not isinstance(tenant_id, str) or not tenant_id:
        msg = "A tenant id is a non-empty text."
        raise TenantError(msg)
    if len(tenant_id) > _MAX_ID_CHARACTERS:
        msg = f"A tenant id has at most {_MAX_ID_CHARACTERS} characters."
        raise TenantError(msg)
    if "\x00" in tenant_id or any("\ud800" <= character <= "\udfff" for character in tenant_id):
        msg = "A tenant id holds a character that PostgreSQL cannot store."
        raise TenantError(msg)
    # A member of a text enum is formatted as its name but joined as its value: make it plain.
    return str.__str__(tenant_id)
