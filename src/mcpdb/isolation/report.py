"""What a wall changes for the roles that use the tables today."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcpdb.isolation.names import shown, spoken, table_name
from mcpdb.isolation.policies import was_bound
from mcpdb.isolation.snapshot import Access, Snapshot
from mcpdb.isolation.wall import Wall

_NO_COPY = "COPY FROM into them, which PostgreSQL does not have under row-level security"
_NO_DUMP = "pg_dump of them without --enable-row-security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What changes for one role.

    Attributes:
        role: Its name.
        does: What it can do with the tables today, such as `reads and writes shop.orders`.
        change: What it keeps and what it loses.
        is_declared: False: the declaration does not say what is to become of it.
    """

    role: str
    does: str
    change: str
    is_declared: bool


def losses(wall: Wall, snapshot: Snapshot) -> Sequence[Loss]:
    """Every role that can read or write the declared tables today, but those of the wall."""
    own = {*wall.roles.own}
    own |= {key[1] for key in snapshot.state.made if key[0] == "role"}  # also former ones
    declared = {table_name(each.table) for each in wall.tables}
    groups: dict[tuple[str, str, bool], list[Access]] = defaultdict(list)
    for access in snapshot.access:
        if access.role not in own and access.table in declared:
            change, is_declared = _change(wall, snapshot, access)
            groups[access.role, change, is_declared].append(access)
    return [
        Loss(role=role, does=_does(found), change=change, is_declared=is_declared)
        for (role, change, is_declared), found in sorted(groups.items())
    ]


def _change(wall: Wall, snapshot: Snapshot, access: Access) -> tuple[str, bool]:
    no_dump = [_NO_DUMP] if access.owns else []
    if access.bypasses:
        change = "keeps everything: row-level security does not hold it"
    elif was_bound(access.role, snapshot, snapshot.tables[access.table]):
        change = "keeps what its own policies allow"
    elif access.through & set(wall.writers):
        change = _but("keeps all rows", [*no_dump, *([_NO_COPY] if access.writes else [])])
    elif access.through & set(wall.readers):
        change = _but("keeps reading all rows", [*(["writing"] if access.writes else []), *no_dump])
    elif wall.owner in access.through:
        change = "sees no row: policies hold owners too"
    elif access.through & set(wall.shut_out):
        change = "loses every row, as declared"
    else:
        return "would lose every row", False
    return change, True


def _but(kept: str, lost: Sequence[str]) -> str:
    return f"{kept}; loses {', and '.join(lost)}" if lost else kept


def _does(found: Iterable[Access]) -> str:
    kinds: dict[str, list[str]] = defaultdict(list)
    for access in found:
        words = [word for word, can in (("reads", access.reads), ("writes", access.writes)) if can]
        if access.owns:
            words.insert(0, "owns")
        kinds[" and ".join(words) if len(words) < 3 else "owns, reads and writes"].append(
            spoken(access.table)
        )
    return "; ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items())


def undeclared(found: Sequence[Loss]) -> Sequence[str]:
    """Refusals: one for each role of which the declaration does not speak."""
    return [
        f"The role {shown(each.role)} {each.does}, and {each.change}: name it in writers=,"
        " readers= or shut_out=, or a group that it is in."
        for each in found
        if not each.is_declared
    ]
