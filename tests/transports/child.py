"""A server process: the shop over one of the transports, with tools that do what tools should not,
and a provider that says when it opens and closes."""

# ruff: noqa: T201  # printing is what is tested

import json
import os
import subprocess
import sys
import time
from typing import Any, Literal

from sqlalchemy import Text, func, literal, select
from typing_extensions import override

import mcpdb.http_server
import mcpdb.stdio
from mcpdb import FixedTenancy, HeaderTenancy, Report, Rows, Server, Tables, Tenant
from mcpdb.config import Timeouts
from shop import Share, sales, shop_server

serving: list[bool] = []


def say(text: str) -> None:
    """A line for the test to wait for."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class LoudTenancy(FixedTenancy):
    """Says and prints when it opens and closes."""

    def __init__(self, close: Literal["soon", "never"]) -> None:
        super().__init__(Tenant.of("north"))
        self._close = close

    @override
    async def open(self) -> None:
        print("printed while opening", flush=True)
        say("tenancy opened")

    @override
    async def close(self) -> None:
        print("printed while closing", flush=True)
        say("tenancy closing")
        if self._close == "never":
            time.sleep(600)  # noqa: ASYNC251  # the loop itself is blocked
        say("tenancy closed")


def add_tools(server: Server) -> None:
    """Tools that print, and a tool that has a bug."""

    @server.tool()
    def chatty() -> Rows:
        """Prints in every way that there is."""
        print("printed by a tool", flush=True)
        if serving:  # and not at the registration, when descriptor 1 is not the server's yet
            os.write(1, b"written to descriptor 1\n")
            subprocess.run(["echo", "echoed by a program"], check=True)
        return select(literal("fine", Text).label("answer"))

    @server.tool()
    def buggy() -> Report:
        """Fails when its rows are there."""

        def then(tables: Tables) -> Share:
            raise RuntimeError(f"a bug with {len(tables)} tables")

        return Report({"sales": select(func.count(sales.c.id).label("number"))}, then=then)


def main(dsn: str, options: dict[str, Any]) -> None:
    """Serve until the end."""
    for module, name, option in (
        (mcpdb.http_server, "_GRACE_S", "grace_s"),
        (mcpdb.stdio, "_CLOSE_S", "close_s"),
    ):
        vars(module)[name] = options.pop(option, vars(module)[name])
    tenancy = LoudTenancy(options.pop("close", "soon"))
    timeouts = Timeouts(connect_s=options.pop("connect_s", 10.0))
    by_header = options.pop("by_header", False)
    server = shop_server(
        dsn,
        tenancy=HeaderTenancy(header="x-tenant") if by_header else tenancy,
        timeouts=timeouts,
    )
    add_tools(server)
    print("printed before serving")  # not flushed
    serving.append(True)
    server.run(**options)
    print("printed after serving")
    say("ran to its end")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
