"""The tenant sealed into the transaction: the server proves to the database who it lets in, and the
database alone can make what its policies verify."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Integer, LargeBinary, Text, bindparam, func
from typing_extensions import override

from mcpdb.errors import ConfigurationError, TenantError
from mcpdb.isolation.base import Backend, Finding, Isolation, Prober
from mcpdb.isolation.check import sealed_findings
from mcpdb.isolation.check_sql import sql_findings
from mcpdb.isolation.key import EnterKey
from mcpdb.isolation.seal import MOST_TENANT_BYTES
from mcpdb.request import Tenant

_LIFE_US: Final = 5_000_000
"""Half of what the database takes, so that clocks may differ by as much either way."""


ACCEPTABLE: Final = frozenset(
    {
        "catalog_function",
        "definer_function",
        "materialized_view",
        "minor_version",
        "table_not_attacked",
        "view_without_invoker",
    }
)
"""Findings that an operator may know to be harmless. That a policy does not hold is never so."""


class Sealed(Isolation):
    """Enters each transaction with a token, which the database verifies and replaces by a seal.

    A query can read the seal and overwrite it, but not make one: not for another tenant, another
    backend or another transaction. `mcpdb isolation apply` makes the roles, keys, functions and
    policies that it needs.

    Args:
        key: As `mcpdb isolation apply` or `rotate-keys` prints it: `mcpdb-key-1-...`. It is a
            secret: give it by the environment, never in the source.
        accept: Codes of findings that this server starts with nevertheless: `minor_version`,
            where the server cannot be updated yet, and the like; or of one object alone, as
            `view_without_invoker:shop.totals`. Each is logged at every start.
        clock: Seconds since 1970.

    Raises:
        ConfigurationError: It is not a key.
    """

    def __init__(
        self, *, key: str, accept: Sequence[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        unknown = [each for each in accept if each.partition(":")[0] not in ACCEPTABLE]
        if isinstance(accept, str) or unknown:
            raise ConfigurationError(
                "The findings to accept are a list of codes.",
                hint=f"These can be accepted: {', '.join(sorted(ACCEPTABLE))}.",
            )
        self._key = EnterKey.parse(key)
        self._accept = frozenset(accept)
        self._clock = clock

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        return (
            func.mcpdb.enter(
                bindparam("mcpdb_tenant", type_=Text),
                bindparam("mcpdb_backend", type_=Integer),
                bindparam("mcpdb_expires_us", type_=BigInteger),
                bindparam("mcpdb_key_number", type_=Integer),
                bindparam("mcpdb_token", type_=LargeBinary),
            ),
        )

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        text = tenant.text
        if len(text.encode()) > MOST_TENANT_BYTES:
            raise TenantError(f"The tenant's ids are longer than {MOST_TENANT_BYTES} bytes in all.")
        expires_us = int(self._clock() * 1_000_000) + _LIFE_US
        return {
            "mcpdb_tenant": text,
            "mcpdb_backend": backend.pid,
            "mcpdb_expires_us": expires_us,
            "mcpdb_key_number": self._key.number,
            "mcpdb_token": self._key.token(text, backend=backend, expires_us=expires_us),
        }

    @override
    async def check(self, prober: Prober) -> Sequence[Finding]:
        return self._accepted(await sealed_findings(prober, clock=self._clock))

    @override
    async def check_sql(self, prober: Prober) -> Sequence[Finding]:
        return self._accepted(await sql_findings(prober))

    def _accepted(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        return [
            replace(finding, level="advice")
            if self._accept & {finding.code, f"{finding.code}:{finding.subject}"}
            else finding
            for finding in findings
        ]
