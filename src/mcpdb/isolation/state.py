"""What a wall notes about itself, as a comment on its schema: what it has added to the database,
and what its policies were then."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mcpdb.isolation.base import Prober

STATE_MARK: Final = "Tenant isolation by mcpdb. "
"""Begins the comment on the schema `mcpdb`, before JSON of what was there before the wall. Comments
can be read by all, so that planning needs no privilege."""

Key: TypeAlias = tuple[str, ...]
"""What a wall has added, such as `("policy", "shop", "orders", "mcpdb_tenant")`."""


POLICY_NOW: Final = """md5(concat_ws('|', p.polcmd, p.polpermissive, p.polroles::regrole[]::text,
  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))"""

POLICY_HASHES: Final = f"""SELECT coalesce(jsonb_object_agg(
  n.nspname || '.' || c.relname || '.' || p.polname, {POLICY_NOW}), '{{}}')
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = relnamespace
  WHERE p.polname LIKE 'mcpdb|_%' ESCAPE '|'"""
"""Hashes of the wall's policies as they are: one differs once somebody has altered its policy."""

POLICIES_NOW: Final = f"""
WITH path AS MATERIALIZED (SELECT set_config('search_path', 'pg_catalog, pg_temp', true) AS it)
SELECT n.nspname || '.' || c.relname || '.' || p.polname AS policy, {
    POLICY_NOW.replace("polrelid)", "polrelid, path.it IS NULL)")
} AS hash
FROM path, pg_policy p JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = relnamespace WHERE p.polname LIKE 'mcpdb|_%' ESCAPE '|'"""
"""The same for a login with a search_path of its own: names are written out only after it is set,
on which the expressions depend here."""

Name: TypeAlias = tuple[str, str]
"""Schema and name of a table."""

TABLES: Final = """SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid
  AND p.polname LIKE 'mcpdb|_%' ESCAPE '|')"""
"""The tables that have policies of the wall."""

ON_TABLE: Final = frozenset({"policy", "rls", "force", "grant", "sequence", "owner", "former"})

_ROLE: Final = {
    "role": 1,
    "connect": 1,
    "setting": 1,
    "privilege": 3,
    "grant": 4,
    "sequence": 3,
    "former": 3,
    "owner": 3,
}
"""Where in a key the role is."""


@dataclass(frozen=True, slots=True)
class State:
    """What a wall has noted about itself.

    Attributes:
        made: What it has added, in that order.
        sources: For each policy, a hash of what it was made from.
        policies: For each policy, a hash of what PostgreSQL had made of it then.
    """

    made: Sequence[Key] = ()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    policies: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    @property
    def tables(self) -> Sequence[tuple[str, str]]:
        """Those that it has added something to."""
        return list(dict.fromkeys((key[1], key[2]) for key in self.made if key[0] in ON_TABLE))

    @property
    def roles(self) -> Sequence[str]:
        """Those that it has made, or added something to or for."""
        return list(dict.fromkeys(key[_ROLE[key[0]]] for key in self.made if key[0] in _ROLE))

    @staticmethod
    def role_of(key: Key) -> str | None:
        """The role that this was added to or for, if to one."""
        return key[_ROLE[key[0]]] if key[0] in _ROLE else None


async def noted(prober: Prober) -> State:
    """What the wall has noted about itself; nothing, where there is none."""
    found = await prober.fetch(
        "SELECT obj_description(oid, 'pg_namespace') AS comment"
        " FROM pg_namespace WHERE nspname = 'mcpdb'"
    )
    comment = str(found[0]["comment"] or "") if found else ""
    if not comment.startswith(STATE_MARK):
        return State()
    state: dict[str, Any] = json.loads(comment.removeprefix(STATE_MARK))
    names = _Names(await _renamed(prober, state["tables"]))
    return State(
        tuple(names.key(tuple(key)) for key in state["made"]),
        {names.policy(each): source for each, source in state["sources"].items()},
        {names.policy(each): now for each, now in state["policies"].items()},
    )


async def _renamed(prober: Prober, tables: Sequence[Any]) -> Mapping[Name, Name]:
    """Tables that the application has renamed or moved since, from their old names to the new.

    By oid, and only to one that has policies of the wall: in a restored dump oids are others, but
    there the names are as they were.
    """
    found = {row["oid"]: (row["schema"], row["name"]) for row in await prober.fetch(TABLES)}
    there = set(found.values())
    return {
        (schema, name): found[oid]
        for schema, name, oid in tables
        if (schema, name) not in there and oid in found
    }


@dataclass(frozen=True, slots=True)
class _Names:
    """Says what was noted with today's names."""

    tables: Mapping[Name, Name]

    def key(self, key: Key) -> Key:
        """A key, with the table's name of today."""
        if key[0] in ON_TABLE and (key[1], key[2]) in self.tables:
            return (key[0], *self.tables[key[1], key[2]], *key[3:])
        return key

    def policy(self, name: str) -> str:
        """A policy, as `schema.table.policy`."""
        for (schema, table), (now, new) in self.tables.items():
            policy = name.removeprefix(f"{schema}.{table}.")
            if policy != name and "." not in policy:
                return f"{now}.{new}.{policy}"
        return name
