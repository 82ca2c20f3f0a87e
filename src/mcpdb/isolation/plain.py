"""A transaction-local setting that policies compare with. It protects against mistakes, not
against attackers: any SQL that runs in the transaction can set it again."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, bindparam, func
from typing_extensions import override

from mcpdb.errors import ConfigurationError, TenantError
from mcpdb.isolation.base import Backend, Finding, Isolation, Prober
from mcpdb.isolation.logins import login_findings, whoami
from mcpdb.isolation.names import in_sql, quoted, shown, spoken
from mcpdb.isolation.reachable import RELATIONS
from mcpdb.request import Tenant

_WORTHLESS: Final = frozenset({"login_bypasses_rls", "login_superuser"})
"""Findings about the login with which no policy holds."""


class PlainSetting(Isolation):
    """Sets the tenant as a custom setting such as `app.tenant`, for the transaction only.

    For databases whose policies already compare with `current_setting(...)` and cannot be
    changed. Note that PostgreSQL reads such a setting as an empty text, not NULL, in later
    transactions of the same connection: policies must treat both as nobody.

    Args:
        setting: The setting's two-part name.
        separator: Stands between the ids of a tenant that has several. A tenant whose ids would
            read as others when the value is split at it is refused.
        all_value: The value that the policies take for all tenants. None: all is refused.

    Raises:
        ConfigurationError: The name or the separator is not usable, or `all_value` is empty,
            which is nobody, or could be the value of a tenant of several ids.
    """

    warning = (
        "The tenant is a plain setting: this protects against mistakes, not attackers. Any SQL "
        "that runs in the transaction can name another tenant."
    )

    def __init__(self, *, setting: str, separator: str = ",", all_value: str | None = None) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", setting):
            msg = "A plain setting has a two-part name in lower case, such as app.tenant."
            raise ConfigurationError(msg)
        if not separator:
            msg = "The separator of a plain setting is a non-empty text."
            raise ConfigurationError(msg)
        if all_value is not None and (not all_value or separator in all_value):
            msg = "The value for all tenants is a non-empty text without the separator."
            raise ConfigurationError(msg)
        self._setting = setting
        self._separator = separator
        self._all_value = all_value

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        value = bindparam("mcpdb_tenant", type_=Text)
        return (func.set_config(self._setting, value, True),)  # noqa: FBT003  # is_local

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return {"mcpdb_tenant": self._value(tenant)}

    @override
    async def check(self, prober: Prober) -> Sequence[Finding]:
        found = [
            finding if finding.code in _WORTHLESS else replace(finding, level="advice")
            for finding in await login_findings(prober)
        ]
        if any(finding.code == "login_superuser" for finding in found):
            return found
        relations = await prober.fetch(RELATIONS, await whoami(prober))
        return [*found, *(finding for row in relations for finding in _open(row))]

    def _value(self, tenant: Tenant) -> str:
        if tenant.is_all:
            if self._all_value is None:
                msg = "This database knows no identity that sees all tenants."
                raise TenantError(msg)
            return self._all_value
        ids = sorted(tenant.ids)
        value = self._separator.join(ids)
        # Splitting tells more than a look for the separator in each id: the end of one id and a
        # separator of several characters can make another place to split.
        if value.split(self._separator) != ids or value == self._all_value:
            msg = "This tenant id cannot be told apart in a plain setting."
            raise TenantError(msg)
        return value


def _open(row: Mapping[str, Any]) -> Iterable[Finding]:
    """What the login reads of a table whatever its policies say."""
    key = (row["schema"], row["name"])
    if row["kind"] not in {"r", "p"}:
        return
    if not row["rls"]:
        close = f"REVOKE SELECT ON {in_sql(key)} FROM PUBLIC, {quoted(row['login'])}"
        yield Finding(
            code="table_without_rls",
            message=f"The login can read the table {spoken(key)}, which has no row-level security:"
            " every tenant sees all of it.",
            mend=f"{close}; or, where rows belong to tenants, enable it and write policies",
            level="advice",
        )
    elif row["owns"] and not row["forced"]:
        # A member of the owner is held no more than the owner is.
        yield Finding(
            code="owner_without_force",
            message=f"The login {shown(row['login'])} owns {spoken(key)}, or may do what its owner"
            " may, and its row-level security does not hold its owner.",
            mend=f"ALTER TABLE {in_sql(key)} FORCE ROW LEVEL SECURITY",
        )
