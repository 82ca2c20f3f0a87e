"""All that a wall could leave behind: in the database, and among the roles of the cluster."""

from dataclasses import dataclass

from isolation.walled import connected, dump
from servers import Fresh

_ROLES = """
SELECT rolname, r.oid::regrole::text, rolcanlogin, rolinherit, rolcreaterole, rolcreatedb, rolsuper,
  rolbypassrls, rolconnlimit, rolvaliduntil
FROM pg_roles r WHERE rolname LIKE $1 ORDER BY 1
"""
_MEMBERS = """
SELECT m.roleid::regrole::text, m.member::regrole::text, m.grantor::regrole::text, m.admin_option,
  to_jsonb(m) -> 'inherit_option', to_jsonb(m) -> 'set_option'
FROM pg_auth_members m
WHERE pg_get_userbyid(m.member) LIKE $1 OR pg_get_userbyid(m.roleid) LIKE $1 ORDER BY 1, 2, 3
"""
_SETTINGS = """
SELECT setrole::regrole::text, ARRAY(SELECT unnest(setconfig) ORDER BY 1) FROM pg_db_role_setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = $1) ORDER BY 1
"""
_DATABASE = """
SELECT a.grantor::regrole::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE datname = $1
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Traces:
    """The database as pg_dump writes it, rows included, and what it does not write."""

    dump: str
    roles: tuple[str, ...]
    members: tuple[str, ...]
    settings: tuple[str, ...]
    rights: tuple[str, ...]


async def traces(fresh: Fresh) -> Traces:
    """All of it, as it is now."""
    name = f"%\\_{fresh.suffix}"
    async with connected(fresh.superuser_dsn) as superuser:
        found = [
            tuple(str(tuple(row)) for row in await superuser.fetch(query, argument))
            for query, argument in (
                (_ROLES, name),
                (_MEMBERS, name),
                (_SETTINGS, fresh.name),
                (_DATABASE, fresh.name),
            )
        ]
    return Traces(await dump(fresh), *found)
