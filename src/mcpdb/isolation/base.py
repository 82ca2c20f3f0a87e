"""The contract: what the first statement of every transaction selects to put the tenant into it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement

from mcpdb.request import Tenant


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
    def enter(self, tenant: Tenant) -> Sequence[ColumnElement[Any]]:
        """The expressions that set this tenant for the rest of the transaction.

        Values go in as bound parameters, never as SQL text.

        Raises:
            TenantError: This strategy cannot express the tenant.
        """
