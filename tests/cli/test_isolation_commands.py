"""`mcpdb isolation` from a plan to the wall and back, as an operator runs it."""

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Ran, write_wall
from isolation.walled import connected
from servers import Fresh

pytestmark = pytest.mark.timeout(180)  # each command takes a second to start

KEY = "mcpdb-key-"


@pytest.mark.parametrize("cluster", [18, 16, 15], indirect=True)
def test_plan_refuses_while_roles_are_not_declared(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall = write_wall(tmp_path, unwalled, declares_all=False)
    ran = mcpdb("isolation", "plan", wall, "--dsn", unwalled.dsn())
    assert ran.code == 1
    assert f"{unwalled.name}, PostgreSQL {unwalled.cluster.version}." in ran.out
    for role in ("application", "reporting", "intern"):
        assert unwalled.role(role) in ran.out
    assert "NOT DECLARED" in ran.out
    assert "CREATE" not in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert "\x1b" not in ran.out
    assert ("transaction_timeout is not there" in ran.out) == (unwalled.cluster.version < 17)

    sql = mcpdb("isolation", "plan", wall, "--sql", "--dsn", unwalled.dsn())
    assert (sql.code, sql.out) == (1, "")
    assert "shut_out" in sql.err


@pytest.mark.parametrize("cluster", [18, 15], indirect=True)
def test_the_sql_of_a_plan_is_what_psql_runs(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall = write_wall(tmp_path, unwalled)
    shown = mcpdb("isolation", "plan", wall, MCPDB_ADMIN_DSN=unwalled.dsn())
    sql = mcpdb("isolation", "plan", wall, "--sql", MCPDB_ADMIN_DSN=unwalled.dsn())
    parsed = json.loads(mcpdb("isolation", "plan", wall, "--json", "--dsn", unwalled.dsn()).out)
    assert (shown.code, sql.code) == (0, 0)
    assert shown.out.endswith(sql.out)
    assert "".join(f"{each};\n" for each in parsed["statements"]) == sql.out
    assert parsed["refusals"] == []
    assert {each["role"] for each in parsed["roles"]} >= {unwalled.role("application")}

    psql = subprocess.run(
        [
            str(unwalled.cluster.bin / "psql"),
            *("-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-", unwalled.dsn()),
        ],
        input=sql.out,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert KEY in psql.stdout
    assert mcpdb("isolation", "check", wall, "--dsn", unwalled.dsn()).code == 0
    again = mcpdb("isolation", "plan", wall, "--sql", "--dsn", unwalled.dsn())
    assert again.out == "-- Nothing to do: the database is as declared.\n"


async def test_apply_check_rotate_and_remove(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall, dsn = write_wall(tmp_path, unwalled), ("--dsn", unwalled.dsn())
    before = mcpdb("isolation", "check", wall, *dsn)
    assert before.code == 1
    assert "not as declared" in before.out
    assert "CREATE SCHEMA mcpdb" in before.out

    applied = mcpdb("isolation", "apply", wall, "--yes", *dsn)
    assert applied.code == 0, applied.err
    assert applied.out.startswith(f"{KEY}1-")
    assert applied.out.count("\n") == 1
    assert KEY not in applied.err

    again = mcpdb("isolation", "apply", wall, "--yes", *dsn)
    assert (again.code, again.out) == (0, ""), again.err
    assert "Nothing to do" in again.err
    check = mcpdb("isolation", "check", wall, *dsn)
    assert (check.code, check.out) == (0, f"{unwalled.name} is exactly as declared.\n")

    async with connected(unwalled.superuser_dsn) as superuser:
        await superuser.execute("DROP POLICY mcpdb_tenant ON shop.orders")
    check = mcpdb("isolation", "check", wall, *dsn)
    assert check.code == 1
    assert 'CREATE POLICY mcpdb_tenant ON "shop"."orders"' in check.out
    mended = mcpdb("isolation", "apply", wall, "--yes", *dsn)
    assert (mended.code, mended.out) == (0, ""), mended.err

    rotated = mcpdb("isolation", "rotate-keys", "--overlap", "90s", *dsn)
    assert rotated.out.startswith(f"{KEY}2-")
    assert "The old key is good until" in rotated.err
    assert KEY not in rotated.err

    sql = mcpdb("isolation", "remove", "--sql", *dsn)
    assert "DROP SCHEMA mcpdb CASCADE" in sql.out
    assert mcpdb("isolation", "remove", *dsn).code == 1  # nobody to ask
    assert mcpdb("isolation", "remove", "--yes", *dsn).code == 0
    gone = mcpdb("isolation", "remove", "--yes", *dsn)
    assert (gone.code, gone.err) == (1, "error: This database has no wall of mcpdb.\n")


def test_a_key_file_is_new_and_its_owners_alone(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall, dsn = write_wall(tmp_path, unwalled), ("--dsn", unwalled.dsn())
    (tmp_path / "there").write_text("something else")
    refused = mcpdb("isolation", "apply", wall, "--yes", "--key-file", "there", *dsn)
    assert refused.code == 1
    assert "is there already" in refused.err
    assert mcpdb("isolation", "check", wall, *dsn).code == 1  # nothing was applied
    nowhere = mcpdb("isolation", "apply", wall, "--yes", "--key-file", "no/where", *dsn)
    assert nowhere.code == 1

    applied = mcpdb("isolation", "apply", wall, "--yes", "--key-file", "key", *dsn)
    assert (applied.code, applied.out) == (0, "")
    assert KEY not in applied.err
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key").read_text().startswith(f"{KEY}1-")

    again = mcpdb("isolation", "apply", wall, "--yes", "--key-file", "second", *dsn)
    assert again.code == 0
    assert not (tmp_path / "second").exists()
    rotated = mcpdb("isolation", "rotate-keys", "--key-file", "second", *dsn)
    assert (rotated.code, rotated.out) == (0, "")
    assert (tmp_path / "second").read_text().startswith(f"{KEY}2-")


def test_apply_asks_and_without_a_terminal_refuses(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall, dsn = write_wall(tmp_path, unwalled), ("--dsn", unwalled.dsn())
    ran = mcpdb("isolation", "apply", wall, "--key-file", "key", *dsn)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(
        "error: There is no terminal to ask at: say --yes. Nothing was changed.\n"
    )
    assert not (tmp_path / "key").exists()
    assert mcpdb("isolation", "check", wall, *dsn).code == 1


def test_errors_are_one_line_that_repeats_no_secret(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    wall = write_wall(tmp_path, unwalled)
    (tmp_path / "broken.py").write_text(
        "raise RuntimeError('postgresql://me:hush@host/x and mcpdb-key-1-" + "A" * 43 + "')\n"
    )
    cases = [
        ("isolation", "plan", wall),
        ("isolation", "plan", wall, "--dsn", "postgresql://me:hush@127.0.0.1:1/x"),
        ("isolation", "plan", wall, "--dsn", "mysql://me:hush@127.0.0.1/x"),
        ("isolation", "plan", "broken:wall", "--dsn", unwalled.dsn()),
        ("isolation", "plan", "shopwall:store_ids", "--dsn", unwalled.dsn()),
        ("isolation", "rotate-keys", "--dsn", unwalled.dsn()),
        ("isolation", "rotate-keys", "--overlap", "soon", "--dsn", unwalled.dsn()),
        ("isolation", "plan", wall, "--sql", "--json", "--dsn", unwalled.dsn()),
        ("isolation", "apply", wall, "--yes", "--dsn", unwalled.dsn(unwalled.role("intern"))),
    ]
    for arguments in cases:
        ran = mcpdb(*arguments)
        assert (ran.code, ran.out) == (1, ""), arguments
        *before, line = ran.err.splitlines()
        assert line.startswith("error: "), arguments
        assert set(before) <= {"somebody prints while importing"}, arguments
        assert "hush" not in ran.err
        assert "AAAA" not in ran.err
    wrong = mcpdb("isolation", "plan")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
