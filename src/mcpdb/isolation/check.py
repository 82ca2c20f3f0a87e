"""Whether the wall stands: asked by every server at its start, as its own login, and proved by an
attack on itself."""

import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from mcpdb.errors import McpdbError
from mcpdb.isolation.base import Finding, Prober
from mcpdb.isolation.executor import RUN_SETTINGS
from mcpdb.isolation.functions import LOOKUP_SETTINGS, Part, executor, functions
from mcpdb.isolation.logins import login_findings, whoami
from mcpdb.isolation.names import quoted, shown
from mcpdb.isolation.reachable import RELATIONS, protected_tables, reachable_findings
from mcpdb.isolation.seal import SEARCH_PATH
from mcpdb.isolation.state import POLICIES_NOW, noted
from mcpdb.request import Tenant

_KEEPER: Final = """
SELECT r.rolname::text AS name, r.rolcanlogin AS login, r.rolsuper OR r.rolbypassrls AS bypasses,
  ARRAY(SELECT m.rolname::text FROM pg_roles m WHERE NOT m.rolsuper AND m.oid <> r.oid
    AND (pg_has_role(m.oid, r.oid, 'USAGE') OR pg_has_role(m.oid, r.oid, $1)) ORDER BY 1) AS members
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'mcpdb'
"""

_FUNCTIONS: Final = """
SELECT p.proname::text AS name,
  has_function_privilege(p.proowner, p.oid, 'EXECUTE') AS owner_may, p.prosrc AS body,
  p.prosecdef AS definer, p.proparallel::text AS parallel,
  p.provolatile::text AS volatility, coalesce(p.proconfig, '{}') AS settings,
  p.proowner = n.nspowner AS is_keepers, has_function_privilege(p.oid, 'EXECUTE') AS callable
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'mcpdb'
"""

_APPLY: Final = "Run `mcpdb isolation apply` with the wall's declaration."
_NO_TENANT: Final = frozenset({"42501"})
_NO_VALUE: Final = frozenset({"22P02", "22003"})
"""The id is no value of the column's type, or of none of its size."""
_PATH: Final = re.compile("search_path=pg_catalog, .*, pg_temp")
_CLOCK_S: Final = 4.0
"""A server's token lives 5 s and may begin 5 s from now: so much, less the way to the database."""


async def sealed_findings(
    prober: Prober, *, clock: Callable[[], float] = time.time
) -> Sequence[Finding]:
    """What is wrong with the login, the wall and the clocks.

    Args:
        prober: As the server's login; enters as a server does.
        clock: Seconds since 1970.
    """
    found = [*await catalog_findings(prober)]
    if any(finding.code in {"login_superuser", "no_wall"} for finding in found):
        return found
    entry = [*await _entry_findings(prober, clock)]
    found += entry
    if not entry:
        relations = await prober.fetch(RELATIONS, await whoami(prober))
        found += await attack(prober, protected_tables(relations), look_directly)
    return found


async def catalog_findings(prober: Prober) -> Sequence[Finding]:
    """What is wrong with the login and the wall, as the catalogs show it: nobody enters."""
    found = [*await login_findings(prober)]
    if any(finding.code == "login_superuser" for finding in found):
        return found
    wall = [*await wall_findings(prober, "app")]
    found += wall
    login = await whoami(prober)
    relations = await prober.fetch(RELATIONS, login)
    found += await reachable_findings(prober, relations, login)
    if not any(finding.code == "no_wall" for finding in wall):
        found += await policy_findings(prober)
    if not relations and not any(finding.code == "no_wall" for finding in wall):
        found.append(
            Finding(
                code="nothing_to_read",
                message="The login cannot read any table: the wall is half up, or this is another"
                " database.",
                mend=_APPLY,
            )
        )
    return found


async def wall_findings(prober: Prober, part: Part) -> Iterable[Finding]:
    """What is wrong with the keeper and the functions.

    Args:
        prober: As one of the server's logins.
        part: Which one it is.
    """
    (version,) = await prober.fetch("SELECT current_setting('server_version_num')::int AS number")
    keeper = await prober.fetch(_KEEPER, "SET" if version["number"] >= 160_000 else "MEMBER")
    found = await prober.fetch(_FUNCTIONS)
    rows = {row["name"]: row for row in found}
    if not keeper or not {"enter", "tenant", "ids"} <= rows.keys():
        return [
            Finding(
                code="no_wall",
                message="This database has no wall of mcpdb: no function there seals a tenant.",
                mend=_APPLY,
            )
        ]
    names = [row["name"] for row in found]
    return [
        *_keeper(keeper[0]),
        *(
            _altered(name, "is there twice", mend="Drop the one that mcpdb has not made.")
            for name in sorted(rows)
            if names.count(name) > 1
        ),
        *_function_findings(rows, part),
    ]


async def policy_findings(prober: Prober) -> Sequence[Finding]:
    """Policies that are not what the wall noted when it made them."""
    noted_then = (await noted(prober)).policies
    now = {row["policy"]: row["hash"] for row in await prober.fetch(POLICIES_NOW)}
    if not noted_then:
        return [
            Finding(
                code="policy_altered",
                message="The comment on the schema mcpdb, in which the wall notes its policies, is"
                " not there.",
                mend="Restore the comment, or take the schema away and put the wall up again.",
            )
        ]
    return [
        Finding(
            code="policy_altered",
            message=f"The policy {policy} is not as `mcpdb isolation apply` made it.",
            mend=_APPLY,
        )
        for policy, then in noted_then.items()
        if now.get(policy) != then
    ]


def _keeper(row: Mapping[str, Any]) -> Iterable[Finding]:
    name = shown(row["name"])
    if row["login"] or row["bypasses"]:
        yield Finding(
            code="keeper_powerful",
            message=f"{name}, who keeps the keys, can log in or bypasses row-level security.",
            mend=f"ALTER ROLE {quoted(row['name'])} NOLOGIN NOSUPERUSER NOBYPASSRLS",
        )
    for member in row["members"]:
        yield Finding(
            code="keeper_has_members",
            message=f"{shown(member)} can become {name}, who keeps the keys.",
            mend=f"REVOKE {quoted(row['name'])} FROM {quoted(member)}",
        )


def _function_findings(rows: Mapping[str, Mapping[str, Any]], part: Part) -> Iterable[Finding]:
    ours = {each.name: each for each in (*functions(tenants=None, lookups={}), executor(""))}
    run = {f"{name}={value}" for name, value in RUN_SETTINGS.items()}
    lookups = {f"{name}={value}" for name, value in LOOKUP_SETTINGS.items()}
    for name, row in rows.items():
        known = ours.get(name)
        is_readers = known is not None and known.is_readers
        may_call = part in known.callers if known is not None else part == "app"
        path = next((one for one in row["settings"] if one.startswith("search_path=")), "")
        wrong = [
            words
            for words, is_wrong in (
                ("does not belong to the keeper", not row["is_keepers"] and not is_readers),
                ("belongs to the keeper", row["is_keepers"] and is_readers),
                ("can be called by what it runs", row["owner_may"] and is_readers),
                (
                    "has no fixed search_path",
                    path != f"search_path={SEARCH_PATH}"
                    and not (is_readers and _PATH.fullmatch(path)),
                ),
                (
                    "has no fixed settings",
                    (known is None and not lookups <= {*row["settings"]})
                    or (is_readers and not run <= {*row["settings"]}),
                ),
                (
                    "has another volatility",
                    known is not None and row["volatility"] != known.volatility[0].lower(),
                ),
                (
                    "may run in parallel otherwise",
                    known is not None and row["parallel"] != known.parallel[0].lower(),
                ),
                ("runs with its caller's rights", row["definer"] != (not known or known.definer)),
                ("can be called by the login", row["callable"] and not may_call),
                ("cannot be called by the login", not row["callable"] and known and may_call),
                (
                    "is not what this version of mcpdb makes",
                    known is not None and name != "ids" and row["body"] != known.body,
                ),
            )
            if is_wrong
        ]
        if wrong:
            yield _altered(name, " and ".join(wrong))


def _altered(name: str, how: str, *, mend: str = _APPLY) -> Finding:
    message = f"The function mcpdb.{name} {how}."
    return Finding(code="function_altered", message=message, mend=mend)


async def _entry_findings(prober: Prober, clock: Callable[[], float]) -> Iterable[Finding]:
    """Whether a tenant can be entered with this server's key and clock."""
    before = clock()
    (row,) = await prober.fetch("SELECT extract(epoch FROM clock_timestamp())::float8 AS theirs")
    off_s = row["theirs"] - (before + clock()) / 2
    if abs(off_s) > _CLOCK_S:
        way = "behind" if off_s > 0 else "ahead of"
        return [
            Finding(
                code="clock_off",
                message=f"This machine's clock is {abs(off_s):.1f} s {way} the database's: the"
                " tokens that let tenants in are good for seconds.",
                mend="Synchronise both clocks (NTP).",
            )
        ]
    try:
        await prober.fetch("SELECT mcpdb.tenant() AS tenant", tenant=_nobodies()[0])
    except McpdbError:
        return [
            Finding(
                code="key_refused",
                message="The database refuses this server's key: it is another database's, or"
                " keys have been rotated since.",
                mend="Run `mcpdb isolation rotate-keys`, and give the server the new key.",
            )
        ]
    return []


async def attack(prober: Prober, tables: Sequence[str], look: "Looking") -> Iterable[Finding]:
    """Look at each table as nobody, and as two who own nothing. Every row is a finding, and so is
    a look that did not come to an end: nothing is known then."""
    found: list[Finding] = []
    for table in tables:
        for tenant in (None, *_nobodies(), *_nobodies()):
            finding = await _look(prober, look, table, tenant)
            if finding is not None:
                found.append(finding)
                break
    return found


def _nobodies() -> Sequence[Tenant]:
    """Ids that own nothing: for columns of texts and uuids, and for numbers, down to smallint."""
    return Tenant.of(str(uuid.uuid4())), Tenant.of(str(-1 - secrets.randbelow(32_000)))


Looking: TypeAlias = Callable[[Prober, str, Tenant | None], Awaitable[Sequence[object]]]
"""Runs a query as a tenant, if as one."""


async def look_directly(prober: Prober, query: str, tenant: Tenant | None) -> Sequence[object]:
    """As the login itself."""
    return await prober.fetch(query, tenant=tenant)


async def _look(prober: Prober, look: Looking, table: str, tenant: Tenant | None) -> Finding | None:
    who = "Without a tenant" if tenant is None else "As a tenant that owns nothing"
    try:
        rows = await look(prober, f"SELECT 1 AS one FROM {table} LIMIT 1", tenant)
    except McpdbError as error:
        state = getattr(error.__cause__, "sqlstate", None)
        if state in (_NO_TENANT if tenant is None else _NO_VALUE):
            return None
        return Finding(
            code="table_not_attacked",
            message=f"{who}, a look into {table} ended in an error, so that nothing is known of its"
            f" policy: {error.message}",
            mend=f"Create an index on the tenant column of {table}, if it took too long.",
            subject=table.replace('"', ""),
        )
    if not rows:
        return None
    return Finding(
        code="nobody_sees_rows", message=f"{who}, rows of {table} can be seen.", mend=_APPLY
    )
