"""Data that an earlier release has seeded get what this one's wall has more: they stay as they are,
and so does the key."""

from typing import Final

import asyncpg

from mcpdb.operate import apply_wall
from zava.access import WALL, role_statements

_IS_CURRENT: Final = "SELECT to_regprocedure('mcpdb.run(text, integer, integer, text)') IS NOT NULL"


async def bring_up_to_date(connection: asyncpg.Connection) -> None:
    """Add what is missing of the wall, all of it or nothing.

    Args:
        connection: Of who has seeded. Within a transaction or not.

    Raises:
        ConfigurationError: The login may not.
        Unavailable: A table is in use for too long.
    """
    if await connection.fetchval(_IS_CURRENT):
        return
    async with connection.transaction():
        for statement in role_statements():
            await connection.execute(statement)
        await apply_wall(connection, WALL)
