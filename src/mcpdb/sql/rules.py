"""What one guard allows: the relations of its catalog, and the names of functions and types."""

from collections.abc import Collection, Iterable
from typing import Final

from mcpdb.errors import ConfigurationError
from mcpdb.query.catalog import Catalog
from mcpdb.sql.functions import (
    FUNCTIONS,
    INSTEAD,
    OPERATORS,
    OUTPUT_NAMES,
    VECTOR_FUNCTIONS,
    VECTOR_OPERATORS,
)
from mcpdb.sql.typenames import TYPES, VECTOR_TYPES, reason
from mcpdb.sql.words import listed, near

_CONSTRUCTS: Final = listed(
    """
    ?column? array case coalesce exists greatest grouping least nullif row
    current_date current_time current_timestamp localtime localtimestamp
    json_array json_arrayagg json_exists json_objectagg json_query json_scalar json_serialize
    json_value
    """
)
_FEW = 12  # relations or columns that a hint may list in full


class Rules:
    """The allow-lists, and the hints that come out of them.

    Args:
        catalog: The relations that may be read.
        functions: Of the application: names that may be called as they stand, with a schema or
            without.
        types: Likewise, to cast to.

    Raises:
        ConfigurationError: A name has more than a schema in front, or an empty part; or it is
            given alone, and not in a collection.
    """

    def __init__(
        self, catalog: Catalog, functions: Collection[str], types: Collection[str]
    ) -> None:
        self.catalog = catalog
        own, self._qualified = _split(functions)
        own_types, self._qualified_types = _split(types)
        self.functions = FUNCTIONS | VECTOR_FUNCTIONS | own
        self.types = TYPES | VECTOR_TYPES | own_types
        self.callable_functions = self.functions | self._qualified
        # What may stand behind a dot: PostgreSQL calls a function of that name with what is
        # in front, or casts to a type of that name, where there is no such column.
        self.attributes = self.functions | self.types
        # What the columns of a sub-query are called that have no name of their own.
        self.outputs = OUTPUT_NAMES | _CONSTRUCTS

    def may_call(self, names: list[str]) -> bool:
        """Whether a function of this name, in its parts, may be called."""
        if len(names) == 1:
            return names[0] in self.functions
        own = names[0] == "pg_catalog" and names[1] in FUNCTIONS
        return len(names) == 2 and (own or ".".join(names) in self._qualified)

    def may_cast(self, names: list[str]) -> bool:
        """Whether this type, in its parts, may be cast to."""
        if len(names) == 1:
            return names[0] in self.types
        own = names[0] == "pg_catalog" and names[1] in TYPES
        return len(names) == 2 and (own or ".".join(names) in self._qualified_types)

    def may_operate(self, names: list[str]) -> bool:
        """Whether this operator, in its parts, may be used."""
        if len(names) == 1:
            return names[0] in OPERATORS or names[0] in VECTOR_OPERATORS
        own = names[0] == "pg_catalog" and names[1] in OPERATORS
        return len(names) == 2 and (own or (names[0] == "public" and names[1] in VECTOR_OPERATORS))

    def instead_of_function(self, names: list[str]) -> str:
        """What to call instead."""
        alike = INSTEAD.get(names[-1]) or near(names[-1], self.callable_functions)
        return alike or "Call PostgreSQL's functions that compute from their arguments alone."

    def instead_of_type(self, names: list[str]) -> str:
        """What to cast to instead."""
        return reason(names[-1])

    def instead_of_relation(self, name: str) -> str:
        """Which relations there are."""
        relations = self.catalog.relations
        if len(relations) <= _FEW:
            return f"There are: {', '.join(str(one) for one in relations)}."
        alike = self.catalog.near_relations(name)
        return f"Near it: {', '.join(alike)}." if alike else "Read the tables of the catalog only."


def _split(names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    if isinstance(names, str):  # its letters would be names
        raise ConfigurationError(
            f"{names!r} is one name, and a collection of names is needed.",
            hint=f"Write {{{names!r}}}.",
        )
    plain: set[str] = set()
    qualified: set[str] = set()
    for name in names:
        parts = name.split(".")
        if len(parts) > 2 or not all(parts):
            raise ConfigurationError(
                f"{name!r} cannot be allowed in SQL.", hint="Write name, or schema.name."
            )
        (plain if len(parts) == 1 else qualified).add(name)
    return frozenset(plain), frozenset(qualified)
