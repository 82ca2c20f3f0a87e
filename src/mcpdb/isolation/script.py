"""What a wall consists of, piece by piece, and the SQL that adds or takes away pieces, each run as
the role that may: what `plan` prints and `apply` runs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mcpdb.isolation.names import dollar_quoted, in_sql, literal, quoted
from mcpdb.isolation.snapshot import Snapshot
from mcpdb.isolation.state import POLICY_HASHES, STATE_MARK, TABLES, Key, State
from mcpdb.isolation.undo import schema_role, undone

LOCK: Final = 7_225_003
"""Two of these at once wait for each other."""

LOCK_TIMEOUT: Final = "5s"
"""How long this waits for tables that others use."""

# All tables or none: to wait for one with others locked would be a deadlock with whoever uses them
# in another order, as an insert does that looks after its foreign key, and PostgreSQL may end
# that one. It looks for deadlocks after deadlock_timeout, so each try is over before.
_LOCK_ALL: Final = """
DECLARE
  patience CONSTANT interval := current_setting('deadlock_timeout')::interval * 0.6;
  give_up CONSTANT timestamptz := clock_timestamp() + interval '{timeout}';
  since timestamptz;
BEGIN
  LOOP
    BEGIN
      since := clock_timestamp();
{locks}
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF clock_timestamp() > give_up THEN
        RAISE EXCEPTION 'the tables are in use' USING ERRCODE = 'lock_not_available';
      END IF;
    END;
    PERFORM pg_sleep(0.05 + 0.1 * random());
  END LOOP;
  PERFORM set_config('role', 'none', true), set_config('lock_timeout', '{timeout}', true);
END """

_STANDS: Final = """
BEGIN
  IF EXISTS (SELECT FROM unnest({schemas}, {names}) AS declared(schema, name)
    WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_policy p ON p.polrelid = c.oid
      WHERE n.nspname = schema AND c.relname = name AND c.relrowsecurity AND c.relforcerowsecurity
        AND p.polname = 'mcpdb_tenant' AND NOT p.polpermissive AND p.polqual IS NOT NULL)) THEN
    RAISE EXCEPTION 'the wall would not stand' USING ERRCODE = 'MD004';
  END IF;
END """

_LOCK_ONE: Final = """      PERFORM set_config('role', {role}, true);
      PERFORM set_config('lock_timeout', greatest(1,
        1000 * extract(epoch FROM patience - (clock_timestamp() - since)))::int || 'ms', true);
      LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE;"""

_LOCKING: Final = frozenset({"policy", "rls", "force", "owner"})


_HELD: Final = frozenset({"grant", "sequence", "privilege"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One thing that a wall adds to the database.

    Attributes:
        key: What it is; equal keys are one piece, also when its definition has changed. The way
            back is made from it.
        do: Statements that add it, or replace it.
        role: Who owns what it is added to, and so runs them; None: the administrator.
        borrows: Another role that the administrator has to be able to become for it.
        lender: Who lets `role` create in the schema `mcpdb` meanwhile.
        source: What a policy is made from.
        is_there: Whether the database has it as it is declared.
    """

    key: Key
    do: Sequence[str]
    role: str | None = None
    borrows: str | None = None
    lender: str | None = None
    source: str | None = None
    is_there: bool


@dataclass(slots=True)
class Script:
    """Collects statements, and the roles that the administrator has to become for them."""

    snapshot: Snapshot
    is_removal: bool = False
    _swept: set[str] = field(default_factory=set[str])
    statements: list[str] = field(default_factory=list[str])
    _acting: str | None = None
    _borrowed: dict[str, bool] = field(default_factory=dict[str, bool])
    _locked: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    _lent: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, piece: Piece) -> None:
        """Add the statements that add this."""
        self._lock(piece.key)
        self._let_create("GRANT CREATE ON SCHEMA mcpdb TO", piece)
        self.run(piece.do, role=piece.role, borrows=piece.borrows)
        self._let_create("REVOKE CREATE ON SCHEMA mcpdb FROM", piece)

    def _let_create(self, what: str, piece: Piece) -> None:
        if piece.lender is not None and piece.role is not None:
            self.run([f"{what} {quoted(piece.role)}"], role=piece.lender)

    def run(
        self, statements: Iterable[str], *, role: str | None, borrows: str | None = None
    ) -> None:
        """Add statements that run as this role."""
        if role == self.snapshot.me:
            role = None
        for each in (role, borrows):
            if each is not None:
                self._borrow(each)
        self._become(role)
        self.statements.extend(statements)

    def undo(self, key: Key) -> None:
        """Add the statements that take away what a piece with this key has added."""
        kind, *names = key
        self._lock(key)
        if kind in {"keys", "first keys"}:
            return  # they go with the schema
        if self.is_swept(key):
            self._sweep(State.role_of(key) or "")
        elif kind == "role":
            self._drop_role(names[0])
        elif kind == "owner":
            self._give_back(*names)
        else:
            statements, owner = undone(kind, names, self.snapshot)
            self.run(statements, role=owner)

    def _sweep(self, role: str) -> None:
        """Revoke all that a role of the wall's own holds, whatever the application has renamed."""
        if role in self._swept:
            return
        self._swept.add(role)
        snapshot = self.snapshot
        held = {on for holder, _, on in snapshot.grants if holder == role}
        for table in snapshot.tables.values():
            name = f"{table.schema}.{table.name}"
            on = [in_sql(each) for each in table.sequences if ".".join(each) in held]
            what = [f"SEQUENCE {each}" for each in on]
            if any(each == name or each.startswith(f"{name}.") for each in held):
                what.append(f"TABLE {in_sql((table.schema, table.name))}")
            revokes = [f"REVOKE ALL ON {each} FROM {quoted(role)}" for each in what]
            if revokes:
                self.run(revokes, role=table.owner)
        for schema in sorted(held & set(snapshot.schemas) - {"mcpdb"}):
            revoke = f"REVOKE ALL ON SCHEMA {quoted(schema)} FROM {quoted(role)}"
            self.run([revoke], role=schema_role(snapshot, schema))

    def is_swept(self, key: Key) -> bool:
        """Whether this goes with all that a role of the wall's own holds."""
        role = State.role_of(key)
        is_ours = ("role", role) in self.snapshot.state.made
        # What an owner holds on its own tables is not the wall's.
        owns = any(table.owner == role for table in self.snapshot.tables.values())
        return self.is_removal and key[0] in _HELD and is_ours and not owns

    def remember(self, state: State, *, keeper: str) -> None:
        """Note what the wall has added, and what its policies are now."""
        known = {"made": [list(key) for key in state.made], "sources": dict(state.sources)}
        body = literal(json.dumps(known))
        note = (
            " BEGIN\n  EXECUTE format('COMMENT ON SCHEMA mcpdb IS %L',"
            f" {literal(STATE_MARK)}\n"
            f"  || ({body}::jsonb || jsonb_build_object('policies', ({POLICY_HASHES}),\n"
            "  'tables', (SELECT coalesce(jsonb_agg(jsonb_build_array(schema, name, oid)), '[]')\n"
            f"  FROM ({TABLES}) AS tables)))::text);\nEND "
        )
        self.run([f"DO {dollar_quoted(note)}"], role=keeper)

    def prove(self, tables: Sequence[tuple[str, str]]) -> None:
        """End in an error, and so change nothing, unless these tables are behind the wall."""
        schemas, names = (
            f"ARRAY[{', '.join(literal(part) for part in parts)}]"
            for parts in zip(*tables, strict=True)
        )
        proof = _STANDS.format(schemas=schemas, names=names)
        self.run([f"DO {dollar_quoted(proof)}"], role=None)

    def finish(self, *, waits: bool = True) -> Sequence[str]:
        """All statements; none where nothing has to be done.

        Args:
            waits: For another of these to end. Its lock is one that any login could hold.
        """
        if not self.statements:
            return []
        self._become(None)
        locks = self._locks()
        for role in reversed([*{**self._lent, **self._borrowed}]):
            self.statements.append(f"REVOKE {quoted(role)} FROM CURRENT_USER")
        return [
            "SET LOCAL search_path = pg_catalog, pg_temp",
            f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'",
            *([f"SELECT pg_advisory_xact_lock({LOCK})"] if waits else []),
            *locks,
            *self.statements,
            # For a transaction that goes on, such as a migration's.
            "SET LOCAL search_path TO DEFAULT",
            "SET LOCAL lock_timeout TO DEFAULT",
        ]

    def _lock(self, key: Key) -> None:
        if key[0] in _LOCKING:
            name = (key[1], key[2])
            self._locked[name] = None
            owner = self.snapshot.tables[name].owner
            if not self._is_mine(owner):
                self._lent[owner] = None

    def _locks(self) -> Sequence[str]:
        """Statements that lock the tables, before anything is changed."""
        ones: list[str] = []
        lent: dict[str, str] = {}
        for name in sorted(self._locked):
            owner = self.snapshot.tables[name].owner
            is_me = self.snapshot.is_superuser or owner == self.snapshot.me
            role = literal("none" if is_me else owner)
            ones.append(_LOCK_ONE.format(role=role, table=in_sql(name)))
            if not self._is_mine(owner):
                lent[owner] = self._lending(owner, inherit=False)
        lock = _LOCK_ALL.format(locks="\n".join(ones), timeout=LOCK_TIMEOUT)
        return [*lent.values(), f"DO {dollar_quoted(lock)}"] if ones else []

    def _become(self, role: str | None) -> None:
        if role != self._acting:
            statement = "RESET ROLE" if role is None else f"SET LOCAL ROLE {quoted(role)}"
            self.statements.append(statement)
            self._acting = role

    def _borrow(self, role: str, *, inherit: bool = False) -> None:
        """Let the administrator become this role until the end of the script.

        Kept, the membership would be a way around the wall for whoever gets that login.
        """
        lent = self._borrowed.get(role)
        if self._is_mine(role) or (lent is not None and lent >= inherit):
            return
        self._become(None)
        self.statements.append(self._lending(role, inherit=inherit))
        self._borrowed[role] = inherit

    def _is_mine(self, role: str) -> bool:
        state = self.snapshot.roles.get(role)
        is_mine = state is not None and state.mine
        return self.snapshot.is_superuser or role == self.snapshot.me or is_mine

    def _lending(self, role: str, *, inherit: bool) -> str:
        flag = "TRUE" if inherit else "FALSE"
        options = f" WITH SET TRUE, INHERIT {flag}" if self.snapshot.major >= 16 else ""
        return f"GRANT {quoted(role)} TO CURRENT_USER{options}"

    def _drop_role(self, role: str) -> None:
        """Take a role away, unless another database of the cluster still knows it."""
        self._become(None)
        if role in self._borrowed or role in self._lent:
            self._borrowed.pop(role, None)
            self._lent.pop(role, None)
            self.statements.append(f"REVOKE {quoted(role)} FROM CURRENT_USER")
        self.statements.append(
            "DO "
            + dollar_quoted(
                f" BEGIN DROP ROLE {quoted(role)};"
                " EXCEPTION WHEN dependent_objects_still_exist THEN"
                f" RAISE NOTICE 'the role % is used elsewhere and stays', {literal(role)}; END "
            )
        )

    def _give_back(self, schema: str, table: str, old: str) -> None:
        # It takes the privileges of the one and the membership in the other.
        self._borrow(self.snapshot.tables[schema, table].owner, inherit=True)
        self._borrow(old)
        self._become(None)
        self.statements.append(f"ALTER TABLE {in_sql((schema, table))} OWNER TO {quoted(old)}")
