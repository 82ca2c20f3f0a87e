"""The escape suite for pytest: `await attack(...)` in a test, `assert_no_leaks` of its report."""

from mcpdb.attack import (
    HttpIdentity,
    Identity,
    Leak,
    MemoryIdentity,
    Options,
    Report,
    StdioIdentity,
    attack,
)

__all__ = [
    "HttpIdentity",
    "Identity",
    "Leak",
    "MemoryIdentity",
    "Options",
    "Report",
    "StdioIdentity",
    "assert_no_leaks",
    "attack",
]


def assert_no_leaks(report: Report) -> None:
    """Fail with the findings, if there are any but notes, or if nothing was compared.

    An attack that found nothing to tell B's rows by has proved nothing: that fails too.

    Raises:
        AssertionError: The findings, one on each line.
    """
    lines = [
        f"{each.level}: {each.tool}, {each.family}, {each.escape}: {each.evidence}"
        f" (sent {each.sent})"
        for each in report.failures
    ]
    assert not lines, "\n".join([f"{len(lines)} findings at {report.server}", *lines])
    assert report.canaries, "\n".join(
        ["The attack had nothing to tell B's rows by, and so proves nothing.", *report.remarks]
    )
