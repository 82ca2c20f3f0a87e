"""A transaction-local setting that policies compare with. It protects against mistakes, not
against attackers: any SQL that runs in the transaction can set it again."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from typing_extensions import override

from mcpdb.errors import ConfigurationError, TenantError
from mcpdb.isolation.base import Isolation
from mcpdb.request import Tenant


class PlainSetting(Isolation):
    """Sets the tenant as a custom setting such as `app.tenant`, for the transaction only.

    For databases whose policies already compare with `current_setting(...)` and cannot be
    changed. Note that PostgreSQL reads such a setting as an empty text, not NULL, in later
    transactions of the same connection: policies must treat both as nobody.

    Args:
        setting: The setting's two-part name.
        separator: Stands between the ids of a tenant that has several; no id may hold it.
        all_value: The value that the policies take for all tenants. None: all is refused.
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
        self._setting = setting
        self._separator = separator
        self._all_value = all_value

    @override
    def enter(self, tenant: Tenant) -> Sequence[ColumnElement[Any]]:
        return (func.set_config(self._setting, self._value(tenant), True),)  # noqa: FBT003  # is_local

    def _value(self, tenant: Tenant) -> str:
        if tenant.is_all:
            if self._all_value is None:
                msg = "This database knows no identity that sees all tenants."
                raise TenantError(msg)
            return self._all_value
        for tenant_id in tenant.ids:
            # Such an id would read as two tenants, or as all of them.
            if self._separator in tenant_id or tenant_id == self._all_value:
                msg = "This tenant id cannot be told apart in a plain setting."
                raise TenantError(msg)
        return self._separator.join(sorted(tenant.ids))
