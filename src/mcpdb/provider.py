"""The lifecycle that the abstract providers share: opened with the database, closed in reverse."""

from abc import ABC


class Provider(ABC):  # noqa: B024  # its subclasses declare what is abstract
    """Something that is opened and closed with a `Database`. Constructors do no I/O."""

    async def open(self) -> None:
        """Get ready to serve. Called once before the first call; does nothing by default.

        Raises:
            ConfigurationError: It can never work as it is configured.
            Unavailable: What it depends on cannot be reached now.
        """

    async def close(self) -> None:
        """Let go of what `open` took. Called once after the last call; does nothing by default."""
