"""The pages on the wall: what they show is what the commands print, and their files work."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import alembic.command
import alembic.config
import pytest
from mcp import Client
from mcp_types import TextContent
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import create_async_engine

from cli.running import Ran
from isolation.walled import connected
from mcpdb.embedded import EmbeddedPostgres
from servers import Cluster

pytestmark = pytest.mark.timeout(180)  # each command takes a second to start

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
ROLES: Final = (
    "shop_owner, shop_web, shop_reports, shop_intern, shop_mcp, shop_keeper, shop_sql, shop_reader"
)

SCHEMA: Final = """
CREATE TABLE stores (id text PRIMARY KEY);
CREATE TABLE products (id int PRIMARY KEY, name text, price numeric(10, 2), cost numeric(10, 2));
CREATE TABLE orders (id int PRIMARY KEY, store text REFERENCES stores, total numeric(10, 2));
CREATE TABLE order_lines (order_id int REFERENCES orders, product_id int REFERENCES products);
INSERT INTO stores VALUES ('north'), ('south');
INSERT INTO products VALUES (1, 'drill', 99, 50);
INSERT INTO orders VALUES (1, 'north', 10), (2, 'north', 20), (3, 'south', 5);
INSERT INTO order_lines VALUES (1, 1), (2, 1), (3, 1);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_web;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_reports;
GRANT SELECT ON orders TO shop_intern;
"""
ENVIRONMENT: Final = """
from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """The database of the pages, with the roles that they name."""

    cluster: Cluster

    def dsn(self, user: str = "shop_owner") -> str:
        return self.cluster.dsn(database="shop", user=user)


@pytest.fixture
async def shop(postgres: EmbeddedPostgres) -> AsyncGenerator[Shop]:
    """One at a time: the names are those of the pages."""
    made = Shop(await Cluster.of(postgres))
    drop = (
        "DROP DATABASE IF EXISTS shop WITH (FORCE)",
        *(f"DROP ROLE IF EXISTS {role}" for role in ROLES.split(", ")),
    )
    async with connected(made.cluster.dsn()) as superuser:
        await superuser.execute("SELECT pg_advisory_lock(7225017)")
        for statement in drop:
            await superuser.execute(statement)
        await superuser.execute("CREATE ROLE shop_owner LOGIN CREATEROLE")
        for role in ("shop_web", "shop_reports", "shop_intern"):
            await superuser.execute(f"CREATE ROLE {role} LOGIN")
        await superuser.execute("CREATE DATABASE shop OWNER shop_owner")
        async with connected(made.dsn()) as owner:
            await owner.execute(SCHEMA)
        yield made
        for statement in drop:
            await superuser.execute(statement)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    examples = ("wall.py", "sealed_server.py", "wall_migration.py", "wall_sql.py", "sql_server.py")
    for name in examples:
        shutil.copy(DOCS / "examples" / name, tmp_path)
    return tmp_path


def shown(page: str, start: str) -> str:
    """The block of a page that begins so."""
    blocks = re.findall(r"```text\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)
    (block,) = [each for each in blocks if each.startswith(start)]
    return str(block)


def run(shop: Shop, program: str, *arguments: str, text: str = "") -> str:
    """One of PostgreSQL's programs."""
    done = subprocess.run(
        [str(shop.cluster.bin / program), *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines()]
    text = re.sub(r"PostgreSQL \d+\.\d+", "PostgreSQL 18", "\n".join(filter(None, lines)))
    return re.sub(r"clock is .*", "clock", text)


async def test_the_page_on_the_wall(
    shop: Shop, mcpdb: Callable[..., Ran], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = {"MCPDB_ADMIN_DSN": shop.dsn()}
    plan = mcpdb("isolation", "plan", "wall:wall", **admin)
    assert plan.code == 0, plan.err
    assert tidy(plan.out).startswith(tidy(shown("how-to/isolate.md", "shop, PostgreSQL 18.4\n")))

    applied = mcpdb("isolation", "apply", "wall:wall", "--yes", "--key-file", "shop.key", **admin)
    assert applied.code == 0, applied.err
    assert mcpdb("isolation", "check", "wall:wall", **admin).code == 0
    key = (folder / "shop.key").read_text().strip()
    server = {"DATABASE_URL": shop.dsn("shop_mcp"), "SHOP_MCPDB_KEY": key}
    doctor = mcpdb("doctor", "sealed_server:server", **server)
    assert doctor.code == 0, doctor.out + doctor.err
    assert tidy(doctor.out) == tidy(shown("how-to/isolate.md", "shop, PostgreSQL 18.4, as"))

    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    made = import_module("sealed_server").server
    async with Client(made.mcp()) as client:
        answer = await client.call_tool("revenue", {})
    sys.modules.pop("sealed_server")
    assert answer.structured_content is not None
    assert answer.structured_content["rows"] == [[30, 2]]


async def test_the_page_on_sql(
    shop: Shop, mcpdb: Callable[..., Ran], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = {"MCPDB_ADMIN_DSN": shop.dsn()}
    arguments = ("--yes", "--key-file", "shop.key")
    assert mcpdb("isolation", "apply", "wall:wall", *arguments, **admin).code == 0
    again = mcpdb("isolation", "apply", "wall_sql:wall", "--yes", **admin)
    assert again.code == 0, again.err
    server = {
        "DATABASE_URL": shop.dsn("shop_mcp"),
        "SQL_DATABASE_URL": shop.dsn("shop_sql"),
        "SHOP_MCPDB_KEY": (folder / "shop.key").read_text().strip(),
    }
    doctor = json.loads(mcpdb("doctor", "sql_server:server", "--json", **server).out)
    assert (doctor["login"], doctor["sql"]["login"]) == ("shop_mcp", "shop_sql")
    assert doctor["ok"] is doctor["sql"]["ok"] is True
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    made = import_module("sql_server").server
    sys.modules.pop("sql_server")
    async with Client(made.mcp()) as client:
        answer = await client.call_tool("query", {"sql": "SELECT sum(total) FROM orders"})
        assert answer.structured_content is not None
        assert answer.structured_content["rows"] == [[30]]
        page = shown("how-to/model-sql.md", "The function").splitlines()
        queries = ("pg_sleep(9)", "* FROM shop.ordrs", "totl FROM orders")
        for query, said in zip(queries, page, strict=True):
            refused = await client.call_tool("query", {"sql": f"SELECT {query}"})
            (words,) = refused.content
            assert isinstance(words, TextContent)
            assert words.text.startswith(said.removesuffix(" ...")), words.text


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("user", ["postgres", "shop_owner"])
async def test_a_backup_holds_every_row_and_no_key(
    shop: Shop, mcpdb: Callable[..., Ran], user: str
) -> None:
    admin = {"MCPDB_ADMIN_DSN": shop.dsn()}
    applied = mcpdb("isolation", "apply", "wall:wall", "--yes", **admin)
    options = {
        "postgres": ["--exclude-table-data=mcpdb.keys"],
        "shop_owner": ["--data-only", "--exclude-schema=mcpdb", "--enable-row-security"],
    }[user]
    page = (DOCS / "how-to" / "isolate.md").read_text()
    assert f"pg_dump {' '.join(options)} shop\n" in page
    dump = run(shop, "pg_dump", *options, shop.dsn(user))
    assert dump.count("\tnorth\t") == 2
    assert dump.count("\tsouth\t") == 1
    assert not re.search(r"^(seal|enter)\t", dump, re.MULTILINE)
    assert applied.out.strip() not in dump

    async with connected(shop.cluster.dsn()) as superuser:
        await superuser.execute("DROP DATABASE shop WITH (FORCE)")
        await superuser.execute("CREATE DATABASE shop OWNER shop_owner")
    if user == "shop_owner":
        async with connected(shop.dsn()) as owner:
            await owner.execute(re.sub("INSERT INTO .*", "", SCHEMA))
    run(shop, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", shop.dsn(user), text=dump)
    applied = mcpdb("isolation", "apply", "wall:wall", "--yes", **admin)
    assert applied.code == 0, applied.err
    rotated = mcpdb("isolation", "rotate-keys", **admin)
    assert mcpdb("isolation", "check", "wall:wall", **admin).code == 0
    server = {"DATABASE_URL": shop.dsn("shop_mcp"), "SHOP_MCPDB_KEY": rotated.out.strip()}
    doctor = mcpdb("doctor", "sealed_server:server", **server)
    assert doctor.code == 0, doctor.out + doctor.err


async def test_the_page_on_alembic(shop: Shop, mcpdb: Callable[..., Ran], folder: Path) -> None:
    admin = {"MCPDB_ADMIN_DSN": shop.dsn()}
    plan = mcpdb("isolation", "plan", "wall:wall", "--json", **admin)
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "wall_migration.py").rename(versions / "wall_migration.py")
    (versions / "wall_migration.json").write_text(plan.out)
    (folder / "migrations" / "env.py").write_text(ENVIRONMENT)

    def upgrade(connection: SyncConnection) -> None:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(folder / "migrations"))
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")

    engine = create_async_engine(shop.dsn().replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()

    assert mcpdb("isolation", "check", "wall:wall", **admin).code == 0
    rotated = mcpdb("isolation", "rotate-keys", "--overlap", "0s", **admin)
    server = {"DATABASE_URL": shop.dsn("shop_mcp"), "SHOP_MCPDB_KEY": rotated.out.strip()}
    doctor = mcpdb("doctor", "sealed_server:server", "--json", **server)
    assert doctor.code == 0, doctor.out
    assert json.loads(doctor.out)["ok"] is True


def codes_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            values: list[Any] = [each.value for each in node.keywords if each.arg == "code"]
            values += node.args[:1] if node.func.id == "_advice" else []
            found |= {str(each.value) for each in values if isinstance(each, ast.Constant)}
    return found


def test_the_page_on_findings_has_all_of_them_and_no_other() -> None:
    source = ROOT / "src" / "mcpdb"
    files = [*(source / "isolation").glob("*.py"), *(source / "operate").glob("*.py")]
    made = set[str]().union(*map(codes_of, files))
    page = (DOCS / "reference" / "findings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == made
    assert len(made) > 30
