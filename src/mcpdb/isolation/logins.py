"""What the server's login may do that would make any policy worthless, and releases of PostgreSQL
with known holes in row-level security."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcpdb.isolation.base import Finding, Prober
from mcpdb.isolation.names import quoted, shown

_LOGIN: Final = """
SELECT r.rolname::text AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
  r.rolcreaterole AS creates_roles, r.rolcreatedb AS creates_databases,
  r.rolreplication AS replicates, current_setting('server_version_num')::int AS version,
  ARRAY(SELECT g.rolname::text FROM pg_roles g
    WHERE g.oid <> r.oid AND pg_has_role(r.oid, g.oid, 'MEMBER') ORDER BY 1) AS groups,
  ARRAY(SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relnamespace <> pg_my_temp_schema() ORDER BY 1 LIMIT 5) AS relations,
  ARRAY(SELECT format('function %I.%I', n.nspname, p.proname)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proowner = r.oid ORDER BY 1 LIMIT 5) AS functions,
  ARRAY(SELECT 'schema ' || n.nspname::text FROM pg_namespace n
    WHERE n.nspowner = r.oid AND n.nspname !~ '^pg_(toast_)?temp_' ORDER BY 1 LIMIT 5) AS schemas
FROM pg_roles r WHERE r.rolname = session_user
"""

# The first minor releases without CVE-2024-10976 (row security not applied below subqueries) and
# CVE-2025-8713 (statistics of rows that a policy hides). https://www.postgresql.org/support/security/
_MENDED: Final = {15: 14, 16: 10, 17: 6}


async def whoami(prober: Prober) -> str:
    """The name of the login."""
    (me,) = await prober.fetch("SELECT session_user::text AS name")
    return str(me["name"])


async def login_findings(prober: Prober) -> Sequence[Finding]:
    """What is wrong with the login, and with the server's release."""
    (login,) = await prober.fetch(_LOGIN)
    if login["superuser"]:
        # It owns and may do everything, so that nothing else is worth saying.
        name = shown(login["name"])
        return [
            Finding(
                code="login_superuser",
                message=f"The login {name} is a superuser: no policy holds it.",
                mend=_OTHER_LOGIN,
            )
        ]
    return [*_powers(login), *_possessions(login), *_release(login["version"])]


_OTHER_LOGIN: Final = "Log in as the role that `mcpdb isolation apply` makes."


def _powers(login: Mapping[str, Any]) -> Iterable[Finding]:
    role, name = quoted(login["name"]), shown(login["name"])
    if login["bypasses"]:
        yield Finding(
            code="login_bypasses_rls",
            message=f"The login {name} bypasses row-level security: no policy holds it.",
            mend=f"ALTER ROLE {role} NOBYPASSRLS",
        )
    powers = {
        "creates_roles": ("can create roles", "NOCREATEROLE"),
        "creates_databases": ("can create databases", "NOCREATEDB"),
        "replicates": ("can replicate the whole cluster", "NOREPLICATION"),
    }
    for power, (words, mend) in powers.items():
        if login[power]:
            yield Finding(
                code="login_powerful",
                message=f"The login {name} {words}, which a server does not need.",
                mend=f"ALTER ROLE {role} {mend}",
            )
    for group in login["groups"]:
        yield Finding(
            code="login_member",
            message=f"The login {name} is a member of {shown(group)}, and may do what that may.",
            mend=f"REVOKE {quoted(group)} FROM {role}",
        )


def _possessions(login: Mapping[str, Any]) -> Iterable[Finding]:
    owned = [*login["relations"], *login["functions"], *login["schemas"]]
    if owned:
        yield Finding(
            code="login_owner",
            message=f"The login {shown(login['name'])} owns {', '.join(owned[:5])}: it can change"
            " what it owns, and its policies.",
            mend=f"REASSIGN OWNED BY {quoted(login['name'])} TO another role",
        )


def _release(version: int) -> Iterable[Finding]:
    major, minor = divmod(version, 10_000)
    mended = _MENDED.get(major, 0)
    if minor < mended:
        yield Finding(
            code="minor_version",
            message=f"PostgreSQL {major}.{minor} has known holes in row-level security"
            " (CVE-2024-10976, CVE-2025-8713).",
            mend=f"Update the server to {major}.{mended} or newer.",
        )
