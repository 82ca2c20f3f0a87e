"""Who a caller is is used, and never shown."""

import base64
import json

import pytest

from mcpdb import ConfigurationError
from mcpdb.attack import HttpIdentity, MemoryIdentity, Options, StdioIdentity
from mcpdb.attack.identity import Redactor
from mcpdb.attack.library import Level
from mcpdb.attack.report import Leak, Ledger

URL = "https://user:pw@host:8443/mcp?key=1"


def token(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


def test_the_place_of_a_server_holds_no_secret() -> None:
    assert HttpIdentity(URL).where == "https://host:8443/mcp"
    assert StdioIdentity(["/opt/bin/server", "--key=1"]).where == "stdio: server"
    for each in (HttpIdentity(URL, [("x", "s3cret")]), StdioIdentity(["a"], {"K": "s3cret"})):
        assert "s3cret" not in repr(each)


def test_a_token_tells_whose_it_is() -> None:
    found = HttpIdentity(URL, [("Authorization", f"Bearer {token(sub='u-17', tenant='south')}")])
    assert list(found.ids)[:2] == ["u-17", "south"]
    assert HttpIdentity(URL, [("Authorization", "Bearer opaque")]).ids == ["opaque"]
    broken = "x" * 20 + ".%%%." + "y" * 30
    assert HttpIdentity(URL, [("Authorization", f"Bearer {broken}")]).ids == [broken]


def test_what_identifies_is_taken_out_whatever_its_case() -> None:
    bearer = token(sub="someone-17")
    a = HttpIdentity(URL, [("Authorization", f"Bearer {bearer}"), ("x-app", "shop")])
    b = HttpIdentity(URL, [("Authorization", "Bearer other-token"), ("x-app", "shop")])
    redact = Redactor({"A": a, "B": b})
    text = redact(f"{bearer} of SOMEONE-17, not Other-Token, at the shop")
    assert text == "<A's identity> of <A's identity>, not <B's identity>, at the shop"


def test_a_short_identity_does_not_eat_other_words() -> None:
    redact = Redactor({"A": HttpIdentity(URL, [("x", "1")]), "B": HttpIdentity(URL, [("x", "2")])})
    assert redact("tenant 2 has 120 rows") == "tenant <B's identity> has 120 rows"


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/mcp", "http://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        HttpIdentity(url)


def test_a_command_is_needed() -> None:
    with pytest.raises(ConfigurationError):
        StdioIdentity([])


@pytest.mark.parametrize(
    "wrong",
    [{"families": ["magic"]}, {"timeout_s": 0.5}, {"calls": 0}, {"tenant_columns": ["tenant"]}],
)
def test_options_check_themselves(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Options(**wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def finding(level: Level, sent: str = "", tool: str = "t") -> Leak:
    return Leak(level=level, tool=tool, family="f", escape="e", sent=sent, evidence="x" * 999)


def test_a_report_fails_for_everything_but_notes() -> None:
    ledger = Ledger(lambda text: text.replace("s3cret", "***"))
    ledger.count("t", "f", refused=False)
    ledger.count("u", "f", refused=True)
    ledger.add(finding("note"))
    assert ledger.report(server="s", canaries=1, seconds=0).is_ok
    ledger.add(finding("metadata", sent="SELECT 's3cret'\0"))
    ledger.add(finding("metadata", sent="the same again"))
    report = ledger.report(server="s", canaries=1, seconds=0)
    assert [each.level for each in report.findings] == ["metadata", "note"]
    assert report.failures[0].sent == "SELECT '***'\\0"
    assert len(report.failures[0].evidence) < 300
    assert [(row.tool, row.outcome) for row in report.rows] == [("t", "LEAK 1"), ("u", "refused")]
    assert json.loads(json.dumps(report.as_json()))["ok"] is False


def test_a_server_in_memory_is_told_by_its_ids() -> None:
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415

    found = MemoryIdentity(MCPServer("shop"), ["south"])
    assert (found.where, list(found.ids)) == ("in memory: shop", ["south"])
