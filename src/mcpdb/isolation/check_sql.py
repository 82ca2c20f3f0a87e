"""Whether a model's SQL stays behind the wall: asked at every start of a server that has a login
for it, as that login, and proved by an attack through it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcpdb.isolation.base import Finding, Prober
from mcpdb.isolation.check import attack, policy_findings, wall_findings
from mcpdb.isolation.logins import login_findings, whoami
from mcpdb.isolation.names import in_sql, quoted, shown, spoken
from mcpdb.isolation.pieces import SQL_CONNECTIONS
from mcpdb.isolation.reachable import (
    DEFINERS,
    RELATIONS,
    definer,
    protected_tables,
    reachable_findings,
)
from mcpdb.request import Tenant

_READER: Final = """
SELECT r.rolname::text AS name, r.rolcanlogin AS login,
  r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication AS powerful,
  ARRAY(SELECT m.rolname::text FROM pg_roles m WHERE NOT m.rolsuper AND m.oid <> r.oid
    AND (pg_has_role(m.oid, r.oid, 'USAGE') OR pg_has_role(m.oid, r.oid, $1))
    ORDER BY 1) AS members,
  ARRAY(SELECT g.rolname::text FROM pg_roles g
    WHERE g.oid <> r.oid AND pg_has_role(r.oid, g.oid, 'MEMBER') ORDER BY 1) AS groups,
  EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid)
    OR EXISTS (SELECT FROM pg_namespace s WHERE s.nspowner = r.oid)
    OR EXISTS (SELECT FROM pg_proc o WHERE o.proowner = r.oid AND o.oid <> p.oid) AS owns,
  coalesce((SELECT setting FROM unnest(p.proconfig) AS setting
    WHERE setting LIKE 'search_path=%'), '') AS path,
  (SELECT s.rolconnlimit FROM pg_roles s WHERE s.rolname = session_user) AS connections
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
WHERE n.nspname = 'mcpdb' AND p.proname = 'run'
"""

_HELD: Final = """
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles r ON r.rolname = session_user
WHERE EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = r.oid)
  OR EXISTS (SELECT FROM pg_attribute t, aclexplode(t.attacl) a
    WHERE t.attrelid = c.oid AND a.grantee = r.oid)
"""

_SHADOWS: Final = """
SELECT p.oid::regprocedure::text AS function
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'mcpdb')
  AND has_schema_privilege($1::name, n.oid, 'USAGE')
  AND has_function_privilege($1::name, p.oid, 'EXECUTE')
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND EXISTS (SELECT FROM pg_proc o WHERE o.pronamespace = 'pg_catalog'::regnamespace
    AND o.proname = p.proname)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
    AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
"""

_NAMES: Final = re.compile(r'"(?:[^"]|"")*"|[^,\s]+')
_RUN: Final = "SELECT line FROM mcpdb.run($1, 1, 1000, NULL) AS line"
_ROWS_FROM: Final = 1
"""The first line has the columns."""

_APPLY: Final = "Run `mcpdb isolation apply` with the wall's declaration, whose roles name `sql`."


async def sql_findings(prober: Prober) -> Sequence[Finding]:
    """What is wrong with the login, and with who reads for it.

    Args:
        prober: As the login for a model's SQL; enters as a server does.
    """
    found = [*await login_findings(prober)]
    (version,) = await prober.fetch("SELECT current_setting('server_version_num')::int AS number")
    reader = await prober.fetch(_READER, "SET" if version["number"] >= 160_000 else "MEMBER")
    if not reader:
        message = "This database has no function that runs a model's SQL."
        return [*found, Finding(code="no_sql_lane", message=message, mend=_APPLY)]
    found += await wall_findings(prober, "sql")
    found += await policy_findings(prober)
    found += _reader(reader[0])
    login, name = await whoami(prober), str(reader[0]["name"])
    relations = await prober.fetch(RELATIONS, name)
    read, held = await prober.fetch(RELATIONS, login), await prober.fetch(_HELD)
    found += _login(login, _keys(read) - _keys(relations) | _keys(held))
    found += _connections(login, reader[0]["connections"])
    found += await reachable_findings(prober, relations, name)
    found += map(definer, await prober.fetch(DEFINERS, login))
    found += await _shadowing(prober, name)
    found += _path(reader[0], relations)
    if not relations:
        found.append(
            Finding(
                code="nothing_to_read",
                message=f"{shown(name)}, who reads for a model's SQL, cannot read any table.",
                mend=_APPLY,
            )
        )
    if not any(finding.level == "error" for finding in found):
        found += await attack(prober, protected_tables(relations), _look)
    return found


async def _shadowing(prober: Prober, reader: str) -> Iterable[Finding]:
    """Functions of the application that a query calls by a name of PostgreSQL's."""
    return [
        Finding(
            code="function_overloads",
            message=f"The function {row['function']} has a name of PostgreSQL's, by which a model's"
            f" SQL can call it with the rights of {shown(reader)}.",
            mend=f"REVOKE EXECUTE ON ROUTINE {row['function']} FROM PUBLIC, {quoted(reader)};"
            " or see that it only computes.",
            level="advice",
            subject=row["function"],
        )
        for row in await prober.fetch(_SHADOWS, reader)
    ]


def _path(row: Mapping[str, Any], relations: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    """Schemas in which names are looked up, other than those of the tables."""
    names = _NAMES.findall(row["path"].removeprefix("search_path="))
    known = {shown(each["schema"]) for each in relations} | {"public"}
    known |= {quoted(each["schema"]) for each in relations}
    is_ours = names[:1] == ["pg_catalog"] and names[-1:] == ["pg_temp"]
    if not is_ours or not known.issuperset(names[1:-1]):
        yield Finding(
            code="function_altered",
            message="The function mcpdb.run looks for names in other schemas than the tables'.",
            mend=_APPLY,
        )


async def _look(prober: Prober, query: str, tenant: Tenant | None) -> Sequence[object]:
    lines = await prober.fetch(_RUN, query, tenant=tenant)
    return lines[_ROWS_FROM:]


def _reader(row: Mapping[str, Any]) -> Iterable[Finding]:
    role, name = quoted(row["name"]), shown(row["name"])
    if row["login"] or row["powerful"]:
        yield Finding(
            code="reader_powerful",
            message=f"{name}, who reads for a model's SQL, can log in, or may do more than read.",
            mend=f"ALTER ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB"
            " NOREPLICATION",
        )
    for group in row["groups"]:
        yield Finding(
            code="reader_powerful",
            message=f"{name}, who reads for a model's SQL, is a member of {shown(group)}.",
            mend=f"REVOKE {quoted(group)} FROM {role}",
        )
    for member in row["members"]:
        yield Finding(
            code="reader_has_members",
            message=f"{shown(member)} can become {name}, and change the function that it owns.",
            mend=f"REVOKE {role} FROM {quoted(member)}",
        )
    if row["owns"]:
        yield Finding(
            code="reader_powerful",
            message=f"{name}, who reads for a model's SQL, owns more than the function that does.",
            mend=f"REASSIGN OWNED BY {role} TO another role, and run `mcpdb isolation apply`.",
        )


def _connections(login: str, limit: int) -> Iterable[Finding]:
    if limit < 0:
        yield Finding(
            code="sql_login_unlimited",
            message=f"The login {shown(login)} may have any number of connections, and PostgreSQL"
            " has functions that no timeout ends: each keeps one.",
            mend=f"ALTER ROLE {quoted(login)} CONNECTION LIMIT {SQL_CONNECTIONS}",
            level="advice",
        )


def _keys(relations: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(row["schema"], row["name"]) for row in relations}


def _login(login: str, reached: set[tuple[str, str]]) -> Iterable[Finding]:
    """What the login itself can read. What everyone may, and so the reader, is said of that."""
    for key in sorted(reached):
        yield Finding(
            code="sql_login_reads",
            message=f"The login {shown(login)} can read {spoken(key)} itself, and not only have it"
            " read.",
            mend=f"REVOKE ALL ON {in_sql(key)} FROM {quoted(login)}",
        )
