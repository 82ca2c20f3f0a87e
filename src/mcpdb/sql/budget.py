"""How much may be done for one SQL: an inspection ends, whatever the SQL is made of."""

from typing import Final

from mcpdb.errors import SqlRefused

MOST_STEPS: Final = 200_000
"""Nodes that are visited, and names that are looked at, for one SQL. A plain one of the greatest
length takes a tenth of it."""


class Budget:
    """The steps that are left."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take so many.

        Raises:
            SqlRefused: There were not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise too_large()


def too_large() -> SqlRefused:
    """The refusal of what takes too many steps."""
    return SqlRefused(
        "This SQL is too large to be read: simplify it.",
        hint="Nest it less, join less, and name the columns instead of *.",
    )
