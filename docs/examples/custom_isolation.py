"""Isolation for policies that compare with a tenant's number in two settings of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, func
from typing_extensions import override

from mcpdb import Backend, Isolation, Tenant, TenantError


class AccountSettings(Isolation):
    """Sets `account.id` and `account.kind`, which the policies read with current_setting."""

    warning = "The account is a plain setting: this protects against mistakes, not attackers."

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        # The third argument is what ends the setting with the transaction.
        return (
            func.set_config("account.id", bindparam("account_id", type_=Text), True),  # noqa: FBT003
            func.set_config("account.kind", "customer", True),  # noqa: FBT003
        )

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        if tenant.is_all or len(tenant.ids) != 1:
            raise TenantError("An account sees its own rows only.")
        (account,) = tenant.ids
        return {"account_id": account}
