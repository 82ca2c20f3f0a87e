"""From a declaration and the database as it is to the statements that are missing, and back to none
at all. Pure: nothing is read or run here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcpdb.isolation.names import shown, spoken, table_name
from mcpdb.isolation.pieces import pieces_of
from mcpdb.isolation.problems import problems
from mcpdb.isolation.report import Loss, losses, undeclared
from mcpdb.isolation.script import Script
from mcpdb.isolation.snapshot import Snapshot
from mcpdb.isolation.state import ON_TABLE, Key, State
from mcpdb.isolation.wall import Wall, with_types

_MISSING: Final = {
    16: "Before 16 a membership always hands on its privileges: while apply runs, and not longer,"
    " the administrator has those of the wall's roles.",
    17: "transaction_timeout is not there before 17: a transaction that the server's login keeps"
    " open and busy is not ended; idle ones and single statements are.",
}


_LATE: Final = ("function", "owner", "privilege", "schema", "role")
"""Taken away after everything else, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `apply` would do.

    Attributes:
        database: Its name.
        version: Of the server, as 180004.
        refusals: Why it would not, each with what to do. With one of them there are no statements.
        losses: Every role that can read or write the tables today, and what changes for it.
        missing: Protection that this version of PostgreSQL does not have.
        statements: In order, to be run in one transaction. Empty: all is as declared.
        makes_key: Whether one of them, `SELECT mcpdb.new_key('enter')`, returns a key.
    """

    database: str
    version: int
    refusals: Sequence[str] = ()
    losses: Sequence[Loss] = ()
    missing: Sequence[str] = ()
    statements: Sequence[str] = ()
    makes_key: bool = False

    @property
    def sql(self) -> str:
        """All statements, as psql takes them."""
        return "".join(f"{statement};\n" for statement in self.statements)


def make_plan(wall: Wall, snapshot: Snapshot) -> Plan:
    """What is missing between the database and the declaration."""
    wall = with_types(wall, snapshot.types)
    missing = [text for since, text in _MISSING.items() if snapshot.major < since]
    refusals = problems(wall, snapshot)
    if refusals:
        return _plan(snapshot, refusals=refusals, missing=missing)
    found = losses(wall, snapshot)
    refusals = undeclared(found)
    if refusals:
        return _plan(snapshot, refusals=refusals, losses=found, missing=missing)
    pieces = pieces_of(wall, snapshot)
    script = Script(snapshot)
    declared = {piece.key for piece in pieces}
    _take_away(script, declared, is_late=False)
    for piece in pieces:
        if not piece.is_there:
            script.add(piece)
    _take_away(script, declared, is_late=True)
    # What was there before is not remembered, so that it is there afterwards.
    known = [key for key in snapshot.state.made if key in declared]
    made = [piece.key for piece in pieces if not piece.is_there]
    sources = {".".join(p.key[1:]): p.source for p in pieces if p.source is not None}
    state = State(tuple(dict.fromkeys([*known, *made])), sources)
    if script.statements or state != snapshot.state:
        script.prove([table_name(each.table) for each in wall.tables])
        script.remember(state, keeper=wall.roles.keeper)
    return _plan(
        snapshot,
        losses=found,
        missing=missing,
        statements=script.finish(),
        makes_key=not snapshot.has_keys,
    )


def make_removal(snapshot: Snapshot) -> Plan:
    """How everything that the wall has added is taken away.

    Args:
        snapshot: Of the tables that the wall has noted.
    """
    refusals = [
        f"The policies {', '.join(map(shown, table.foreign))} of {spoken(name)} are not the wall's,"
        " and depend on row-level security, which it has turned on: drop them, or see to it that"
        " it may be turned off."
        for name, table in snapshot.tables.items()
        if table.foreign and ("rls", *name) in snapshot.state.made
    ]
    if refusals:
        return _plan(snapshot, refusals=refusals)
    script = Script(snapshot, is_removal=True)
    _take_away(script, set(), is_late=False)
    _take_away(script, set(), is_late=True)
    return _plan(snapshot, statements=script.finish())


def _plan(  # noqa: PLR0913  # it is Plan's constructor, with what the snapshot knows
    snapshot: Snapshot,
    *,
    refusals: Sequence[str] = (),
    losses: Sequence[Loss] = (),
    missing: Sequence[str] = (),
    statements: Sequence[str] = (),
    makes_key: bool = False,
) -> Plan:
    return Plan(
        database=snapshot.database,
        version=snapshot.version,
        refusals=refusals,
        losses=losses,
        missing=missing,
        statements=statements,
        makes_key=makes_key,
    )


def _take_away(script: Script, declared: set[Key], *, is_late: bool) -> None:
    """Take away what the wall has added and is no longer declared."""
    snapshot = script.snapshot
    gone = [key for key in reversed(snapshot.state.made) if key not in declared]
    # What is on a table is taken away as the owner whom it has now, and policies before the
    # functions that they call.
    for kind in _LATE if is_late else (None,):
        for key in gone:
            is_due = key[0] == kind if kind is not None else key[0] not in _LATE
            if is_due and not _went(key, script):
                script.undo(key)


def _went(key: Key, script: Script) -> bool:
    """Whether the application has dropped what this was added to, and so this with it."""
    snapshot = script.snapshot
    role = State.role_of(key)
    if role is not None and role not in snapshot.roles:
        return True
    if script.is_swept(key):
        return False
    if key[0] == "privilege":
        return key[2] not in snapshot.schemas
    return key[0] in ON_TABLE and _went_with_table(key, snapshot)


def _went_with_table(key: Key, snapshot: Snapshot) -> bool:
    kind, schema, name, *rest = key
    table = snapshot.tables.get((schema, name))
    if table is None:
        return True
    if kind == "grant":
        _, _, *columns = rest
        return any(column not in table.types for column in columns)
    return kind == "sequence" and tuple(rest[1:]) not in table.sequences
