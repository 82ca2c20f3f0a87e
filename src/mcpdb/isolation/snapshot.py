"""The database as it is, as far as a wall depends on it: read once, before anything is planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mcpdb.isolation.base import Prober
from mcpdb.isolation.state import POLICY_NOW, State, noted


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """A table, and the policies that it has.

    `has_children` says whether other tables inherit from it, and `is_replicated` whether a
    subscription fills it. `foreign` names policies that are not the wall's, and `restricts`
    those of them that hold everyone.
    `types` has for each column its type without length, and its kind by pg_type; `folds` those
    columns whose collation holds different texts for equal. `policies` has for each a hash of what
    it is now.
    """

    schema: str
    name: str
    kind: str
    owner: str
    schema_owner: str
    rls: bool
    forced: bool
    types: Mapping[str, tuple[str, str]]
    folds: frozenset[str]
    policies: Mapping[str, str]
    sequences: Sequence[tuple[str, str]]
    has_children: bool
    is_replicated: bool
    restricts: Sequence[str]
    foreign: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """A role of the cluster.

    `settings` are those for this database; `mine` says whether the administrator can become it,
    and `risks` what it may that a role of a wall must not.
    """

    name: str
    login: bool
    bypasses: bool
    risks: Sequence[str]
    settings: Sequence[str]
    mine: bool
    has_members: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a role can do with a table today, and through which of the declared roles."""

    role: str
    table: tuple[str, str]
    reads: bool
    writes: bool
    bypasses: bool
    owns: bool
    through: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of it. Tables are by schema and name, functions by name with a hash of all about them,
    and grants are those that the wall's roles hold, as role, privilege and object."""

    version: int
    database: str
    me: str
    is_superuser: bool
    tables: Mapping[tuple[str, str], TableState]
    roles: Mapping[str, RoleState]
    access: Sequence[Access]
    functions: Mapping[str, str]
    grants: frozenset[tuple[str, str, str]]
    schema_owner: str | None
    schemas: Mapping[str, str]
    state: State
    has_keys: bool
    public_connects: bool
    types: Mapping[str, str | None]

    @property
    def major(self) -> int:
        """The major version of the server."""
        return self.version // 10_000


_SERVER: Final = """
SELECT current_setting('server_version_num')::int AS version, current_database()::text AS database,
  current_user::text AS me, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
  (SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'mcpdb') AS owner,
  EXISTS (SELECT FROM pg_class WHERE relname = 'keys'
    AND relnamespace = to_regnamespace('mcpdb')) AS has_keys,
  EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT')
    AS public_connects
"""

_TABLES: Final = f"""
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  pg_get_userbyid(c.relowner)::text AS owner, pg_get_userbyid(n.nspowner)::text AS schema_owner,
  c.relrowsecurity AS rls, c.relforcerowsecurity AS forced,
  c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)
    AS has_children,
  EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS is_replicated,
  ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid
    AND NOT p.polpermissive AND 0 = ANY (p.polroles) AND p.polname NOT LIKE 'mcpdb|_%' ESCAPE '|')
    AS restricts,
  ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid
    AND p.polname NOT LIKE 'mcpdb|_%' ESCAPE '|') AS foreign,
  ARRAY(SELECT ARRAY[a.attname::text, format_type(a.atttypid, -1), t.typtype::text,
      coalesce((NOT co.collisdeterministic)::text, 'false')]
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  ARRAY(SELECT ARRAY[p.polname::text, {POLICY_NOW}]
    FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
  ARRAY(SELECT DISTINCT ARRAY[sn.nspname::text, s.relname::text]
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')) AS sequences
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""

_ROLES: Final = """
SELECT r.rolname::text AS name, r.rolcanlogin AS login, r.rolsuper OR r.rolbypassrls AS bypasses,
  array_remove(ARRAY[
    CASE WHEN r.rolsuper THEN 'is a superuser' END,
    CASE WHEN r.rolbypassrls THEN 'bypasses row-level security' END,
    CASE WHEN r.rolcreaterole THEN 'can create roles' END,
    CASE WHEN r.rolcreatedb THEN 'can create databases' END,
    CASE WHEN r.rolreplication THEN 'can replicate' END,
    (SELECT 'is a member of ' || string_agg(pg_get_userbyid(m.roleid), ', ' ORDER BY 1)
     FROM pg_auth_members m WHERE m.member = r.oid)
  ], NULL) AS risks,
  coalesce((SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE s.setrole = r.oid AND d.datname = current_database()), '{}') AS settings,
  -- The database's owner has the rights of this one, but cannot become it.
  pg_has_role(current_user, r.oid,
    CASE WHEN r.rolname = 'pg_database_owner' THEN 'USAGE' ELSE $2 END) AS mine,
  EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid) AS has_members
FROM pg_roles r WHERE r.rolname = ANY ($1::text[])
"""

# A member of a table's owner, by inheritance, is an owner to row-level security too.
_ACCESS: Final = """
SELECT r.rolname::text AS role, n.nspname::text AS schema, c.relname::text AS name,
  has_any_column_privilege(r.oid, c.oid, 'SELECT') AS reads,
  has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')
    OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE') AS writes,
  r.rolsuper OR r.rolbypassrls AS bypasses,
  pg_has_role(r.oid, c.relowner, 'USAGE') AS owns,
  ARRAY(SELECT d.rolname::text FROM pg_roles d
    WHERE d.rolname = ANY ($3::text[]) AND pg_has_role(r.oid, d.oid, 'USAGE')) AS through
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN pg_roles r
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  AND r.rolname !~ '^pg_' AND (has_schema_privilege(r.oid, n.oid, 'USAGE')
    -- The owner of a view needs no more than the privilege on the table.
    OR EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
      JOIN pg_class v ON v.oid = w.ev_class
      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid = c.oid AND v.oid <> c.oid AND v.relowner = r.oid))
  AND (has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')
    OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE'))
ORDER BY 1, 2, 3
"""

_FUNCTIONS: Final = """
SELECT p.proname::text AS name, p.prosrc AS body, coalesce(obj_description(p.oid, 'pg_proc'), '')
    AS comment,
  concat_ws('|', pg_get_userbyid(p.proowner),
    has_function_privilege(p.proowner, p.oid, 'EXECUTE'), p.prosecdef, p.provolatile, p.proparallel,
    replace(array_to_string(p.proconfig, ','), '"', ''), l.lanname, pg_get_function_result(p.oid),
    pg_get_function_identity_arguments(p.oid)) AS attributes,
  ARRAY(SELECT CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END::text
    FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE a.grantee <> p.proowner) AS callers
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname = 'mcpdb'
"""

_GRANTS: Final = """
SELECT CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END::text AS role,
  a.privilege_type AS privilege, object FROM (
  SELECT relacl AS acl, nspname || '.' || relname AS object
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT attacl, nspname || '.' || relname || '.' || attname
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
  JOIN pg_namespace n ON n.oid = relnamespace WHERE attacl IS NOT NULL
  UNION ALL SELECT nspacl, nspname FROM pg_namespace
  UNION ALL SELECT datacl, '' FROM pg_database WHERE datname = current_database()
) AS objects, aclexplode(acl) AS a
WHERE a.grantee = 0 OR pg_get_userbyid(a.grantee) = ANY ($1::text[])
"""


_TYPES: Final = "SELECT said, to_regtype(said)::text AS known FROM unnest($1::text[]) AS said"


async def read(
    prober: Prober,
    *,
    tables: Sequence[tuple[str, str]],
    own: Sequence[str],
    others: Sequence[str],
    types: Sequence[str] = (),
) -> Snapshot:
    """Look at the database.

    Args:
        prober: As the administrator, with a search_path of pg_catalog alone, so that names in
            expressions are written out.
        tables: That a wall is about, as schema and name.
        own: Names of the wall's roles.
        others: Names of the declared roles.
        types: To be said as PostgreSQL says them.
    """
    (server,) = await prober.fetch(_SERVER)
    state = await noted(prober)
    names = ([schema for schema, _ in tables], [name for _, name in tables])
    found = [_table(row) for row in await prober.fetch(_TABLES, *names)]
    # Until 16, a member of a role could always become it.
    become = "SET" if server["version"] >= 160_000 else "MEMBER"
    owners = {table.owner for table in found} | {table.schema_owner for table in found}
    named = [*own, *others, *state.roles]
    roles = await prober.fetch(_ROLES, [*named, *owners], become)
    schemas = await prober.fetch(
        "SELECT nspname::text AS name, pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace"
    )
    return Snapshot(
        version=server["version"],
        database=server["database"],
        me=server["me"],
        is_superuser=server["super"],
        tables={(table.schema, table.name): table for table in found},
        roles={row["name"]: RoleState(**row) for row in roles},
        access=[_access(row) for row in await prober.fetch(_ACCESS, *names, others)],
        functions={row["name"]: _described(row) for row in await prober.fetch(_FUNCTIONS)},
        grants=frozenset(
            (row["role"], row["privilege"], row["object"])
            for row in await prober.fetch(_GRANTS, named)
        ),
        schema_owner=server["owner"],
        schemas={row["name"]: row["owner"] for row in schemas},
        state=state,
        has_keys=server["has_keys"],
        public_connects=server["public_connects"],
        types={row["said"]: row["known"] for row in await prober.fetch(_TYPES, [*types])},
    )


_LISTS: Final = frozenset({"columns", "policies", "sequences"})


def _table(row: Mapping[str, Any]) -> TableState:
    columns: list[list[str]] = row["columns"]
    rest = {key: value for key, value in row.items() if key not in _LISTS}
    return TableState(
        **rest,
        types={name: (shape, kind) for name, shape, kind, _ in columns},
        folds=frozenset(name for name, _, _, folds in columns if folds == "true"),
        policies=dict(row["policies"]),
        sequences=[(schema, name) for schema, name in row["sequences"]],
    )


def _access(row: Mapping[str, Any]) -> Access:
    rest = {key: value for key, value in row.items() if key not in {"schema", "name", "through"}}
    return Access(**rest, table=(row["schema"], row["name"]), through=frozenset(row["through"]))


def _described(row: Mapping[str, Any]) -> str:
    callers = ",".join(sorted(row["callers"]))
    return "\n".join((row["attributes"], callers, row["comment"], row["body"]))
