"""A process of its own that opens a data folder: `child.py FOLDER OPTIONS`, OPTIONS as JSON.

It says `open PID` or `refused MESSAGE`, closes when it is told anything, and says `closed`. All
imports come first: an ordinary user may be barred from the folder that Python itself lives in.
"""

import asyncio
import concurrent.futures.thread
import json
import os
import sys
from pathlib import Path
from typing import Literal, TypedDict

from mcpdb.embedded import EmbeddedPostgres
from mcpdb.errors import EmbeddedPostgresError

_IMPORTED_LATE_BY_ASYNCIO = concurrent.futures.thread


class Options(TypedDict):
    """What the parent asks for."""

    version: Literal[16, 18]
    port: int | None
    uid: int | None
    rounds: int


def say(*words: object) -> None:
    """Tell the parent."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def become(uid: int, gid: int) -> None:
    """Turn from root into an ordinary user, for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


async def told() -> None:
    """Wait for one line of standard input, in a way that Ctrl-C can end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.readline()
    finally:
        transport.close()


async def main(folder: str, options: Options) -> None:
    """Open and close the folder; in the last of its rounds only when told."""
    settings = {"fsync": "off"}
    pg = EmbeddedPostgres(
        folder, version=options["version"], port=options["port"], settings=settings
    )
    for _ in range(options["rounds"] - 1):
        async with pg:
            pass
    try:
        async with pg:
            pid = (pg.data_dir / "cluster" / "postmaster.pid").read_text().split()[0]
            say("open", pid)
            await told()
        say("closed")
    except EmbeddedPostgresError as error:
        say("refused", error)


if __name__ == "__main__":
    wanted: Options = json.loads(sys.argv[2])
    if wanted["uid"] is not None:
        become(wanted["uid"], Path(sys.argv[1]).parent.stat().st_gid)
    asyncio.run(main(sys.argv[1], wanted))
