"""The functions of the schema `mcpdb`: what each is called, who may call it, and how it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mcpdb.isolation.executor import RUN, RUN_ARGUMENTS, RUN_SETTINGS
from mcpdb.isolation.names import dollar_quoted, literal, quoted
from mcpdb.isolation.seal import ENTER, IDS_OF, NEW_KEY, SEARCH_PATH, TENANT
from mcpdb.isolation.wall import Lookup, Roles

LOOKUP_SETTINGS: Final = {
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "transform_null_equals": "off",
}
"""Hold in a look-up, whose author may have used literals and the clock: a query could change what
they mean, and a session keeps the plan that it makes first."""

Volatility = Literal["IMMUTABLE", "STABLE", "VOLATILE"]
Part = Literal["app", "sql", "reader"]
"""A role of the wall, by what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the schema `mcpdb`.

    Attributes:
        name: Without the schema.
        arguments: As in CREATE FUNCTION.
        returns: Its type.
        body: In plpgsql.
        volatility: VOLATILE, STABLE or IMMUTABLE.
        definer: Whether it runs with the rights of its owner.
        callers: Who may call it, beside the keeper where that owns it.
        comment: What it is for.
        settings: That hold while it runs, beside the search_path.
        path: The search_path.
        is_readers: Whether it belongs to the reader instead of the keeper, who may not call it.
    """

    name: str
    arguments: str = ""
    returns: str
    body: str
    volatility: Volatility = "STABLE"
    definer: bool = True
    callers: Sequence[Part] = ("app", "reader")
    comment: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    path: str = SEARCH_PATH
    is_readers: bool = False

    @property
    def config(self) -> Sequence[str]:
        """Its settings as the catalogs say them."""
        return [f"{name}={value}" for name, value in self._settings.items()]

    @property
    def _settings(self) -> Mapping[str, str]:
        return {"search_path": self.path, **self.settings}

    @property
    def types(self) -> str:
        """Those of its arguments."""
        return ", ".join(each.split(" ", 1)[1] for each in self.arguments.split(", ") if each)

    @property
    def signature(self) -> str:
        """How the function is named in GRANT and COMMENT."""
        return f"mcpdb.{quoted(self.name)}({self.types})"

    @property
    def parallel(self) -> str:
        """Where it may run. Not in a worker, which has another process id than the leader, to which
        the seal is bound; and what writes a setting, not in a parallel query at all."""
        of: dict[Volatility, str] = {"IMMUTABLE": "SAFE", "STABLE": "RESTRICTED"}
        return of.get(self.volatility, "UNSAFE")

    def owner(self, roles: Roles) -> str:
        """Whom it belongs to."""
        return roles.reader if self.is_readers else roles.keeper

    def callable_by(self, roles: Roles) -> Sequence[str]:
        """Who may call it, by name."""
        by_part = {"app": roles.app, "sql": roles.sql}
        if roles.sql is not None:
            by_part["reader"] = roles.reader
        return [role for part in self.callers if (role := by_part.get(part)) is not None]

    def described(self, roles: Roles) -> str:
        """All about it as the catalogs say it, when it is as it was made."""
        attributes = (
            self.owner(roles),
            "f" if self.is_readers else "t",
            "t" if self.definer else "f",
            self.volatility[0].lower(),
            self.parallel[0].lower(),
            ",".join(self.config).replace('"', ""),
            "plpgsql",
            self.returns,
            self.arguments,
        )
        callers = ",".join(sorted(self.callable_by(roles)))
        return "\n".join(("|".join(attributes), callers, self.comment, self.body))

    def create(self) -> str:
        """CREATE OR REPLACE FUNCTION."""
        security = "SECURITY DEFINER" if self.definer else "SECURITY INVOKER"
        return (
            f"CREATE OR REPLACE FUNCTION mcpdb.{quoted(self.name)}({self.arguments})"
            f" RETURNS {self.returns}\n"
            f"LANGUAGE plpgsql {self.volatility} {security} PARALLEL {self.parallel}\n"
            f"SET search_path = {self.path}\n"
            + "".join(f"SET {quoted(k)} = {literal(v)}\n" for k, v in self.settings.items())
            + f"AS {dollar_quoted(self.body)}"
        )


_NOT_ALL: Final = (
    "    RAISE EXCEPTION 'mcpdb: nobody sees all tenants here' USING ERRCODE = '42501';\n"
)


def _ids(tenants: tuple[str, str] | None) -> str:
    """The body of `ids`. Tenants: the table and the column of all ids, both quoted."""
    if tenants is None:
        everyone = _NOT_ALL
    else:
        everyone = f"    RETURN ARRAY(SELECT {tenants[1]}::text FROM {tenants[0]});\n"
    return f"""
#variable_conflict use_column
DECLARE
  tenant CONSTANT text := mcpdb.tenant();
BEGIN
  IF tenant = '*' THEN
{everyone}  END IF;
  RETURN mcpdb.ids_of(tenant);
END """


def _lookup(lookup: Lookup) -> str:
    everyone = _NOT_ALL
    if lookup.select_all is not None:
        everyone = f"    RETURN ARRAY({lookup.select_all});\n"
    return f"""
#variable_conflict use_column
DECLARE
  tenant CONSTANT text := mcpdb.tenant();
  tenant_ids text[];
BEGIN
  IF tenant = '*' THEN
{everyone}  END IF;
  tenant_ids := mcpdb.ids_of(tenant);
  RETURN ARRAY({lookup.select});
END """


_FIXED: Final = (
    Function(
        name="new_key",
        arguments="for_purpose text",
        returns="text",
        body=NEW_KEY,
        volatility="VOLATILE",
        definer=False,
        callers=(),
        comment="Makes a key. That of the server is returned, once.",
    ),
    Function(
        name="enter",
        arguments="tenant text, backend integer, expires_us bigint, key_number integer,"
        " token bytea",
        returns="void",
        body=ENTER,
        volatility="VOLATILE",
        callers=("app", "sql"),
        comment="Takes a server's token and seals the tenant into this transaction.",
    ),
    Function(
        name="tenant",
        returns="text",
        body=TENANT,
        comment="The canonical text of the tenant sealed into this transaction; or an error.",
    ),
    Function(
        name="ids_of",
        arguments="tenant text",
        returns="text[]",
        body=IDS_OF,
        volatility="IMMUTABLE",
        definer=False,
        callers=(),
        comment="The ids in a canonical text.",
    ),
)


def executor(path: str) -> Function:
    """The function that runs a model's SQL.

    Args:
        path: The search_path that its names are looked up in.
    """
    return Function(
        name="run",
        arguments=RUN_ARGUMENTS,
        returns="SETOF text",
        body=RUN,
        callers=("sql",),
        comment="Runs a query with the rights of the reader, for the tenant that is sealed in.",
        settings=RUN_SETTINGS,
        path=path,
        is_readers=True,
    )


def functions(
    *, tenants: tuple[str, str] | None, lookups: Mapping[str, Lookup]
) -> tuple[Function, ...]:
    """All functions of a wall, in the order to make them.

    Args:
        tenants: The table and the column of all ids, both quoted; or None.
        lookups: By name.
    """
    return (
        *_FIXED,
        Function(
            name="ids",
            returns="text[]",
            body=_ids(tenants),
            comment="The ids of the tenant sealed into this transaction.",
        ),
        *(
            Function(
                name=name,
                returns=f"{lookup.type}[]",
                body=_lookup(lookup),
                comment=f"The values that the tenant sees as {name}.",
                settings=LOOKUP_SETTINGS,
            )
            for name, lookup in lookups.items()
        ),
    )


def set_comment(function: Function) -> str:
    """COMMENT ON FUNCTION."""
    return f"COMMENT ON FUNCTION {function.signature} IS {literal(function.comment)}"
