"""A progress bar on standard error: standard output belongs to the protocol."""

from collections.abc import Generator
from contextlib import contextmanager

from zava.fill import Progress


@contextmanager
def progress_bars() -> Generator[Progress]:
    """A bar for each step of a seeding."""
    # Here, because a server that finds its data starts faster without rich.
    from rich import progress as bars  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    with bars.Progress(
        bars.TextColumn("{task.description:>12}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as shown:
        tasks: dict[str, bars.TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(step, total=total)
            shown.update(tasks[step], completed=done, total=total)

        yield report
