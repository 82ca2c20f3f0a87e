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
    def enter(self, tenant: Tenant) -> Sequence[ColumnElement[Any]]:
        return (func.set_config(self._setting, self._value(tenant), True),)  # noqa: FBT003  # is_local

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
