"""A seeded fault: the tenant as a setting of the session, which a transaction leaves behind. The
soak has to see it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Text, bindparam, func

from mcpdb import Backend, Isolation, Tenant
from mcpdb.driver import Connection
from soak.crowd import APP_SETTING


class SessionSetting(Isolation):
    """Sets the tenant once for each connection, as a pool's `on connect` hook would."""

    def expressions(self) -> Sequence[ColumnElement[Any]]:
        kept = func.nullif(func.current_setting(APP_SETTING, True), "")
        value = bindparam("mcpdb_tenant", type_=Text)
        return (func.coalesce(kept, func.set_config(APP_SETTING, value, False)),)

    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:  # noqa: ARG002
        return {"mcpdb_tenant": next(iter(tenant.ids))}


@contextmanager
def committing() -> Generator[None]:
    """Transactions end with COMMIT, as in a library that has no reason not to."""

    async def commit(connection: Connection, *, timeout_s: float) -> bool:  # noqa: ARG001
        await connection.driver.execute("COMMIT")
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "rollback", commit)
        yield
