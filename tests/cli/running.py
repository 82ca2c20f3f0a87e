"""Runs the command, and writes the modules that it is given."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from servers import Fresh

MCPDB = Path(sys.executable).with_name("mcpdb")
_PATIENCE_S = 50


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def run_mcpdb(*arguments: str, folder: Path, **environment: str) -> Ran:
    """Run it without a terminal."""
    done = subprocess.run(
        [str(MCPDB), *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def write_wall(folder: Path, fresh: Fresh, *, declares_all: bool = True) -> str:
    """Write a module with a wall around the shop of `isolation.walled`; returns the target."""
    others = ""
    if declares_all:
        others = f"""
    writers=["{fresh.role("application")}", "{fresh.admin}"],
    readers=["{fresh.role("reporting")}"],
    shut_out=["{fresh.role("intern")}"],"""
    (folder / "shopwall.py").write_text(f"""
from mcpdb.isolation import Lookup, Protected, Roles, Shared, Wall

print("somebody prints while importing")
store_ids = Lookup(
    name="store_ids",
    type="integer",
    select="SELECT store_id FROM shop.managers WHERE manager = ANY (tenant_ids)",
    select_all="SELECT id FROM shop.stores",
    reads={{"shop.managers": ["manager", "store_id"], "shop.stores": ["id"]}},
)
wall = Wall(
    tables=[
        Protected("shop.orders", "tenant"),
        Protected("shop.items", "tenant"),
        Protected("shop.shifts", "branch"),
        Protected("shop.stores", "id", lookup=store_ids, columns=["id", "name"]),
        Protected("shop.transfers", using="giver = ANY ({{ids}}) OR taker = ANY ({{ids}})"),
        Protected("public.notes", "tenant"),
        Shared("shop.products"),
    ],
    roles=Roles(app="{fresh.role("app")}", keeper="{fresh.role("keeper")}"),
    tenants=("shop.tenants", "id"),{others}
)
""")
    return "shopwall:wall"


def write_server(folder: Path, dsn: str, *, isolation: str, options: str = "") -> str:
    """Write a module with a server; returns the target."""
    (folder / "shopserver.py").write_text(f"""
import time

from mcpdb import Database, FixedTenancy, PlainSetting, PoolConfig, Server, SqlLogin, Tenant
from mcpdb.isolation import Sealed

database = Database(
    {dsn!r}, tenancy=FixedTenancy(Tenant.of("101")), isolation={isolation}{options}
)
server = Server("shop", database)


def made():
    return server
""")
    return "shopserver:server"
