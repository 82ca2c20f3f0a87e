"""What the server's login can reach besides rows that a policy has chosen: tables that are open,
views and functions that look with somebody else's rights, and copies of rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcpdb.isolation.base import Finding, Prober
from mcpdb.isolation.names import in_sql, quoted, shown, spoken

RELATIONS: Final = """
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  c.relrowsecurity AS rls, c.relforcerowsecurity AS forced, $1::name::text AS login,
  pg_has_role($1::name, c.relowner, 'USAGE') AS owns,
  c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)
    AS has_children,
  -- A view that calls a function may read whatever that reads.
  EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
    AND d.objid = w.oid AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc f ON f.oid = d.refobjid
    WHERE w.ev_class = c.oid AND f.pronamespace <> 'pg_catalog'::regnamespace) AS calls,
  coalesce((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) o
    WHERE o.option_name = 'security_invoker'), false) AS invoker,
  ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive
    AND p.polcmd IN ('r', '*') AND (0 = ANY (p.polroles) OR EXISTS (
      SELECT FROM unnest(p.polroles) AS r WHERE pg_has_role($1::name, r, 'USAGE')))
    AND EXISTS (SELECT FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
        AND d.refclassid = 'pg_proc'::regclass
        AND f.pronamespace = to_regnamespace('mcpdb'))) AS gates,
  ARRAY(SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p WHERE p.polrelid = c.oid
    AND p.polcmd IN ('r', '*') AND (0 = ANY (p.polroles) OR EXISTS (
      SELECT FROM unnest(p.polroles) AS r WHERE pg_has_role($1::name, r, 'USAGE')))
  ) AS conditions,
  ARRAY(SELECT DISTINCT f.proname::text FROM pg_policy p JOIN pg_depend d ON d.objid = p.oid
    JOIN pg_proc f ON f.oid = d.refobjid
    WHERE p.polrelid = c.oid AND NOT p.polpermissive AND d.classid = 'pg_policy'::regclass
      AND d.refclassid = 'pg_proc'::regclass
      AND f.pronamespace = to_regnamespace('mcpdb')) AS asks,
  CASE WHEN c.relkind IN ('v', 'm') THEN ARRAY(
    WITH RECURSIVE below(oid) AS (
      SELECT c.oid
      UNION
      SELECT d.refobjid FROM below JOIN pg_rewrite w ON w.ev_class = below.oid
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
        AND d.refclassid = 'pg_class'::regclass
    )
    SELECT format('%I.%I', tn.nspname, t.relname) FROM below b JOIN pg_class t ON t.oid = b.oid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE t.relkind IN ('r', 'p', 'f')
      AND t.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    ORDER BY 1) ELSE '{}' END AS below
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
  -- Not only in schemas that may be used: a view that was made elsewhere needs no more than this.
  AND has_any_column_privilege($1::name, c.oid, 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""

DEFINERS: Final = """
SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    AS function, pg_get_userbyid(p.proowner)::text AS owner, $1::name::text AS login
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND pg_get_userbyid(p.proowner) <> $1::name
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'mcpdb')
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND (has_function_privilege($1::name, p.oid, 'EXECUTE')
      AND (has_schema_privilege($1::name, n.oid, 'USAGE')
        -- An operator, a cast, a domain, a view or another function calls it by no name.
        OR EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass
          AND d.refobjid = p.oid AND d.classid IN ('pg_operator'::regclass, 'pg_cast'::regclass,
            'pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_proc'::regclass)))
    -- What an aggregate consists of is called with the rights of the aggregate's owner.
    OR EXISTS (SELECT FROM pg_aggregate a JOIN pg_proc f ON f.oid = a.aggfnoid
      WHERE has_schema_privilege($1::name, f.pronamespace, 'USAGE')
        AND has_function_privilege($1::name, f.oid, 'EXECUTE')
        AND p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
          a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
    AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
"""

# Closed as PostgreSQL comes, such as those that read files of the server.
_OPENED: Final = """
SELECT p.oid::regprocedure::text AS function, $1::name::text AS login
FROM pg_proc p JOIN pg_init_privs i ON i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass
WHERE p.pronamespace = 'pg_catalog'::regnamespace
  AND has_function_privilege($1::name, p.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0)
ORDER BY 1
"""

# Closed as PostgreSQL comes: samples of all columns' values, passwords, contents of large objects.
_CATALOGS: Final = """
SELECT name, $1::name::text AS login,
  has_any_column_privilege($1::name, 'pg_catalog.' || name, 'SELECT')
    AND has_table_privilege($1::name, 'pg_catalog.' || name, 'SELECT') AS readable
FROM unnest(ARRAY['pg_statistic', 'pg_statistic_ext_data', 'pg_authid', 'pg_largeobject',
  'pg_user_mapping']) AS name
"""

_WRAPPED: Final = re.compile(r"SELECT \(*mcpdb\.")


async def reachable_findings(
    prober: Prober, relations: Sequence[Mapping[str, Any]], role: str
) -> Sequence[Finding]:
    """What is wrong with what a role can reach.

    Args:
        prober: As one of the server's logins.
        relations: Rows of `RELATIONS`, for the role.
        role: The server's login, or who reads for it.
    """
    found = [finding for relation in relations for finding in _relation(relation)]
    closed = await prober.fetch(_CATALOGS, role)
    found += [_catalog(row) for row in closed if row["readable"]]
    found += map(_opened, await prober.fetch(_OPENED, role))
    return [*found, *map(definer, await prober.fetch(DEFINERS, role))]


def _catalog(row: Mapping[str, Any]) -> Finding:
    return Finding(
        code="catalog_readable",
        message=f"{shown(row['login'])} can read pg_catalog.{row['name']}, which holds values of"
        " all rows.",
        mend=f"REVOKE SELECT ON pg_catalog.{row['name']} FROM PUBLIC, {quoted(row['login'])}",
    )


def _opened(row: Mapping[str, Any]) -> Finding:
    return Finding(
        code="catalog_function",
        subject=row["function"],
        message=f"{shown(row['login'])} may call PostgreSQL's {row['function']}, which is closed"
        " to all but superusers as PostgreSQL comes.",
        mend=f"REVOKE EXECUTE ON FUNCTION {row['function']} FROM PUBLIC, {quoted(row['login'])}",
    )


def definer(row: Mapping[str, Any]) -> Finding:
    """What is wrong with a function that runs with the rights of somebody else."""
    return Finding(
        code="definer_function",
        message=f"The function {row['function']} runs with the rights of {shown(row['owner'])},"
        f" and {shown(row['login'])} may call it.",
        subject=row["function"],
        mend=f"REVOKE EXECUTE ON ROUTINE {row['function']} FROM PUBLIC, {quoted(row['login'])}",
    )


def protected_tables(relations: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Those in which rows belong to tenants, as SQL names them."""
    return [
        in_sql((each["schema"], each["name"]))
        for each in relations
        if each["kind"] in {"r", "p"} and set(each["asks"]) - {"tenant"}
    ]


def _relation(row: Mapping[str, Any]) -> Iterable[Finding]:
    key = (row["schema"], row["name"])
    close = f"REVOKE SELECT ON {in_sql(key)} FROM PUBLIC, {quoted(row['login'])}"
    what = ", ".join(row["below"]) or "what functions return"
    if row["kind"] in {"r", "p"}:
        yield from _table(row, close)
    elif row["kind"] == "f":
        yield Finding(
            code="foreign_table",
            message=f"{shown(row['login'])} can read the foreign table {spoken(key)}, which"
            " cannot have policies.",
            mend=close,
        )
    elif row["kind"] == "m":
        yield Finding(
            code="materialized_view",
            message=f"{shown(row['login'])} can read the materialised view {spoken(key)}: a copy"
            f" of rows of {what} that has no policies.",
            mend=close,
            subject=spoken(key),
        )
    elif row["kind"] == "v" and (row["below"] or row["calls"]) and not row["invoker"]:
        yield Finding(
            code="view_without_invoker",
            message=f"The view {spoken(key)} reads {what} with the rights of its owner.",
            subject=spoken(key),
            mend=f"ALTER VIEW {in_sql(key)} SET (security_invoker = true)",
        )


def _table(row: Mapping[str, Any], close: str) -> Iterable[Finding]:
    key = (row["schema"], row["name"])
    if row["schema"] == "mcpdb":
        yield Finding(
            code="keys_readable",
            message=f"{shown(row['login'])} can read {spoken(key)}, and so enter as anyone.",
            mend=close,
        )
        return
    if not row["rls"]:
        yield Finding(
            code="table_without_rls",
            message=f"{shown(row['login'])} can read the table {spoken(key)}, which has no"
            " row-level security.",
            mend=f"{close}; or declare the table in the wall and run `mcpdb isolation apply`",
        )
        return
    if row["has_children"]:
        yield Finding(
            code="table_inherited",
            message=f"Other tables inherit from {spoken(key)}: their rows are read through it"
            " without their own policies.",
            mend=close,
        )
    if not row["forced"]:
        yield Finding(
            code="table_without_force",
            message=f"Row-level security of {spoken(key)} does not hold its owner.",
            mend=f"ALTER TABLE {in_sql(key)} FORCE ROW LEVEL SECURITY",
        )
    if not row["gates"]:
        yield Finding(
            code="table_without_tenant",
            message=f"No restrictive policy of {spoken(key)} asks for the sealed tenant.",
            mend="Declare the table in the wall and run `mcpdb isolation apply`",
        )
    for condition in row["conditions"]:
        if "mcpdb." in _WRAPPED.sub("", condition or ""):
            yield Finding(
                code="policy_not_wrapped",
                message=f"A policy of {spoken(key)} calls a function for each row: {condition}",
                mend="Write (SELECT mcpdb.ids()) in it instead of mcpdb.ids().",
            )
