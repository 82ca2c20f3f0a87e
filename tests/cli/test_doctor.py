"""`mcpdb doctor`: on a good database, on every kind of bad one, and what it says mends them."""

import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.breaking import ADVICE, ERRORS, OTHERS
from cli.running import Ran, write_server
from isolation.walled import Walled, connected
from mcpdb import Finding, PoolConfig
from mcpdb.operate.doctor import examine
from poolers import pgbouncer
from servers import Fresh

pytestmark = pytest.mark.timeout(180)  # each command takes a second to start


def cases(text: str) -> list[Any]:
    lines = [line.split(": ", 1) for line in text.splitlines() if line]
    return [pytest.param(code, sql, id=f"{code}-{n}") for n, (code, sql) in enumerate(lines)]


class Doctor:
    """Looks at one database."""

    def __init__(self, walled: Walled, mcpdb: Callable[..., Ran], folder: Path) -> None:
        self.walled = walled
        self._mcpdb = mcpdb
        self._folder = folder

    def __call__(self, options: str = "", *, key: str = "", dsn: str = "", extra: str = "") -> Ran:
        target = write_server(
            self._folder,
            dsn or self.walled.dsn(),
            isolation=f"Sealed(key={key or self.walled.key!r}{extra})",
            options=options,
        )
        return self._mcpdb("doctor", target, "--json")

    async def findings(self) -> dict[str, Finding]:
        """Without the command, which takes a second to start."""
        async with connected(self.walled.dsn()) as connection:
            pool = PoolConfig(size=4)
            found = await examine(connection, isolation=self.walled.sealed(), pool=pool)
        return {f"{each.code} {each.message}": each for each in found.findings}

    async def run(self, sql: str) -> None:
        fresh = self.walled.fresh
        names = {name: fresh.role(name) for name in ("app", "keeper", "reporting")}
        async with connected(self.walled.superuser_dsn) as superuser:
            await superuser.execute(sql.format(**names, db=self.walled.name))


@pytest.fixture
def doctor(walled: Walled, mcpdb: Callable[..., Ran], tmp_path: Path) -> Doctor:
    return Doctor(walled, mcpdb, tmp_path)


def test_a_good_database_has_no_error(doctor: Doctor, mcpdb: Callable[..., Ran]) -> None:
    ran = doctor()
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found["ok"] is True
    assert found["database"] == doctor.walled.name
    assert found["login"] == doctor.walled.app
    assert found["version"].startswith("18.")
    assert found["pooler"] is None
    assert abs(found["clock_s"]) < 1
    assert {each["level"] for each in found["findings"]} <= {"advice"}

    for attribute in ("database", "made", "server"):
        text = mcpdb("doctor", f"shopserver:{attribute}")
        assert (text.code, text.err) == (0, "")
        assert "No error." in text.out
    assert not set(re.findall(r"[^\n -~─━╷╵╸╺┄-╿]", text.out))
    assert all(len(line) <= 80 for line in text.out.splitlines())


@pytest.mark.parametrize(("code", "sql"), cases(ERRORS + ADVICE))
async def test_what_mends_a_finding_mends_it(doctor: Doctor, code: str, sql: str) -> None:
    before = await doctor.findings()
    await doctor.run(sql)
    after = await doctor.findings()
    is_there_already = code in {"jit", "public_temporary"}
    made = [each for name, each in after.items() if name not in before or is_there_already]
    (finding,) = [each for each in made if each.code == code]
    assert finding.level == ("error" if f"{code}: {sql}" in ERRORS else "advice")
    await doctor.run(finding.mend.split("; or ")[0].replace("{", "{{").replace("}", "}}"))
    mended = await doctor.findings()
    assert not [each for each in mended.values() if each.message == finding.message]
    assert set(mended) <= set(before)
    await doctor.run("REVOKE {reporting} FROM {app}; REVOKE {keeper} FROM {reporting}")


@pytest.mark.parametrize(("code", "sql"), cases(OTHERS))
async def test_it_finds_what_only_an_act_mends(
    doctor: Doctor, mcpdb: Callable[..., Ran], code: str, sql: str
) -> None:
    await doctor.run(sql)
    ran = doctor()
    assert ran.code == 1
    assert code in {each["code"] for each in json.loads(ran.out)["findings"]}
    if code != "nobody_sees_rows":  # which takes a key
        plain = mcpdb("doctor", "--dsn", doctor.walled.dsn(), "--json")
        assert plain.code == 1
        assert code in {each["code"] for each in json.loads(plain.out)["findings"]}


async def test_the_text_says_what_the_json_says(doctor: Doctor, mcpdb: Callable[..., Ran]) -> None:
    await doctor.run("ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY")
    await doctor.run(
        "CREATE VIEW shop.seen AS TABLE shop.orders; GRANT SELECT ON shop.seen TO {app}"
    )
    found = json.loads(doctor().out)["findings"]
    text = mcpdb("doctor", "shopserver:server")
    assert text.code == 1
    lines = text.out.splitlines()
    (start,) = {line.index("What is so") for line in lines if "What is so" in line}
    shown = "".join("".join(line[start:].split()) for line in lines)
    for each in found:
        assert "".join(each["message"].split()) in shown
        assert "".join(each["mend"].split()) in shown
        assert each["code"] in text.out
    assert re.findall(r"^ ?(error|advice)\b", text.out, re.MULTILINE) == [f["level"] for f in found]
    assert "2 errors" in text.out


def test_a_superuser_and_an_application_login_are_refused(doctor: Doctor) -> None:
    for user in ("postgres", doctor.walled.fresh.role("application"), doctor.walled.fresh.admin):
        ran = doctor(dsn=doctor.walled.dsn(user))
        assert ran.code == 1, user
        assert json.loads(ran.out)["ok"] is False


def test_clocks_and_keys(doctor: Doctor) -> None:
    ahead = doctor(extra=", clock=lambda: time.time() + 60")
    assert [e["code"] for e in json.loads(ahead.out)["findings"] if e["level"] == "error"] == [
        "clock_off"
    ]
    other = f"mcpdb-key-1-{urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip('=')}"
    refused = doctor(key=other)
    assert [e["code"] for e in json.loads(refused.out)["findings"] if e["level"] == "error"] == [
        "key_refused"
    ]
    assert refused.code == 1
    assert other not in refused.out + refused.err


def test_a_database_without_a_wall(unwalled: Fresh, mcpdb: Callable[..., Ran]) -> None:
    ran = mcpdb("doctor", "--dsn", unwalled.dsn(unwalled.role("application")), "--json")
    assert ran.code == 1
    codes = [each["code"] for each in json.loads(ran.out)["findings"]]
    assert {"no_wall", "table_without_rls"} <= set(codes)
    text = mcpdb("doctor", "--dsn", unwalled.dsn(unwalled.role("application")))
    assert "Without a key" in text.out


def test_a_plain_setting_is_said_to_be_one(
    unwalled: Fresh, mcpdb: Callable[..., Ran], tmp_path: Path
) -> None:
    dsn = unwalled.dsn(unwalled.role("reporting"))
    target = write_server(tmp_path, dsn, isolation='PlainSetting(setting="app.tenant")')
    ran = mcpdb("doctor", target, "--json")
    found = {each["code"]: each["level"] for each in json.loads(ran.out)["findings"]}
    assert ran.code == 0
    assert found["not_against_attackers"] == "advice"
    assert found["table_without_rls"] == "advice"


async def test_a_pooler_is_seen_and_has_to_be_declared(doctor: Doctor, tmp_path: Path) -> None:
    cluster = doctor.walled.fresh.cluster
    async with pgbouncer(
        socket_dir_or_host=cluster.socket_dir,
        port=cluster.port,
        databases={"the-alias": doctor.walled.name},
        folder=tmp_path,
    ) as pooler:
        dsn = pooler.dsn("the-alias", doctor.walled.app)
        ran = doctor(dsn=dsn)
        found = json.loads(ran.out)
        assert (ran.code, found["pooler"]) == (1, "undeclared")
        assert [e["code"] for e in found["findings"] if e["level"] == "error"] == [
            "pooler_undeclared"
        ]
        declared = ', pool=PoolConfig(pooler="pgbouncer-transaction")'
        ran = doctor(declared, dsn=dsn)
        found = json.loads(ran.out)
        assert (ran.code, found["pooler"]) == (0, "pgbouncer-transaction")
        assert found["database"] == doctor.walled.name
    ran = doctor(declared)
    assert ran.code == 0
    assert "pooler_missing" in {each["code"] for each in json.loads(ran.out)["findings"]}


def test_what_cannot_be_looked_at_is_one_line(mcpdb: Callable[..., Ran], tmp_path: Path) -> None:
    target = write_server(
        tmp_path,
        "postgresql://me:hush@127.0.0.1:1/x",
        isolation='PlainSetting(setting="app.tenant")',
    )
    for arguments in ((target,), (), (target, "--dsn", "postgresql://me:hush@127.0.0.1:1/x")):
        ran = mcpdb("doctor", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "hush" not in ran.err
