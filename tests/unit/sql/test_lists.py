"""The lists against PostgreSQL itself: what of them is there, and that nothing of it is more than
a computation."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import pytest

from mcpdb.sql.functions import (
    FUNCTIONS,
    NAMED_OUTPUT,
    OPERATORS,
    OUTPUT_NAMES,
    VECTOR_FUNCTIONS,
    VECTOR_OPERATORS,
)
from mcpdb.sql.typenames import TYPES, VECTOR_TYPES

Row = Mapping[str, Any]

_FUNCTIONS = """
SELECT p.proname, p.provolatile::text, p.prokind::text, l.lanname, n.nspname,
       pg_get_function_identity_arguments(p.oid) AS arguments, p.proargnames,
       p.proargmodes::text[], p.proargtypes::regtype[]::text[] AS types,
       p.prorettype::regtype::text AS returned, p.prosecdef
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = pronamespace
WHERE n.nspname IN ('pg_catalog', 'public')
"""

# No overload of another name on the list is volatile: these read the clock or make random values.
_VOLATILE = {
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "random_normal",
    "uuidv4",
    "uuidv7",
}

# What is stable and not immutable depends on the time zone, the locale, the text search
# configuration, the encoding, the start of the transaction, or the output function of a type.
_STABLE = {
    "age", "array_to_json", "array_to_string", "concat", "concat_ws", "convert_from", "convert_to",
    "date", "date_add", "date_part", "date_subtract", "date_trunc", "extract", "format",
    "generate_series", "json_agg", "json_agg_strict", "json_build_array", "json_build_object",
    "json_object_agg", "json_object_agg_strict", "json_object_agg_unique",
    "json_object_agg_unique_strict", "json_to_record", "json_to_recordset", "json_to_tsvector",
    "jsonb_agg", "jsonb_agg_strict", "jsonb_build_array", "jsonb_build_object",
    "jsonb_path_exists_tz", "jsonb_path_match_tz", "jsonb_path_query_array_tz",
    "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_to_record", "jsonb_to_recordset",
    "jsonb_to_tsvector", "length", "make_timestamptz", "money", "now", "numeric", "overlaps",
    "phraseto_tsquery", "plainto_tsquery", "quote_literal", "quote_nullable",
    "row_to_json", "statement_timestamp", "time", "timestamp", "timestamptz", "timetz", "timezone",
    "to_char", "to_date", "to_json", "to_jsonb", "to_number", "to_timestamp", "to_tsquery",
    "to_tsvector", "transaction_timestamp", "ts_headline", "websearch_to_tsquery",
}  # fmt: skip

# Arguments of the catalogs' types that a query cannot make: their types cannot be cast to, and no
# function of the list and no column that may be read has them. A literal becomes a `regconfig`.
_UNREACHABLE = {
    "age(xid)",
    "int8(oid)",
    "max(oid)",
    "max(pg_lsn)",
    "max(tid)",
    "max(xid8)",
    "min(oid)",
    "min(pg_lsn)",
    "min(tid)",
    "min(xid8)",
    "text(xml)",
}
_CATALOG_TYPES = {
    "aclitem", "cid", "cstring", "internal", "oid", "pg_lsn", "pg_node_tree", "pg_snapshot",
    "refcursor", "regclass", "regcollation", "regdictionary", "regnamespace", "regoper",
    "regoperator", "regproc", "regprocedure", "regrole", "regtype", "tid", "txid_snapshot", "xid",
    "xid8", "xml",
}  # fmt: skip


@pytest.fixture
async def functions(admin: asyncpg.Connection) -> Sequence[Row]:
    """All functions of PostgreSQL and pgvector."""
    await admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return [dict(row) for row in await admin.fetch(_FUNCTIONS)]


def _listed(functions: Sequence[Row]) -> list[Row]:
    lists = {"pg_catalog": FUNCTIONS, "public": VECTOR_FUNCTIONS}
    return [row for row in functions if row["proname"] in lists[row["nspname"]]]


async def test_every_name_is_there(admin: asyncpg.Connection, functions: Sequence[Row]) -> None:
    def named(schema: str) -> set[str]:
        return {row["proname"] for row in functions if row["nspname"] == schema}

    assert named("pg_catalog") >= FUNCTIONS
    assert named("public") >= VECTOR_FUNCTIONS
    operators = await admin.fetch(
        "SELECT DISTINCT oprname, oprnamespace::regnamespace::text AS schema FROM pg_operator"
    )
    assert {row["oprname"] for row in operators if row["schema"] == "pg_catalog"} == OPERATORS
    vectors = {row["oprname"] for row in operators if row["schema"] == "public"}
    assert vectors - OPERATORS == VECTOR_OPERATORS - OPERATORS
    types = {row["typname"] for row in await admin.fetch("SELECT typname FROM pg_type")}
    assert types >= TYPES | VECTOR_TYPES


async def test_what_may_be_called_computes_from_its_arguments(functions: Sequence[Row]) -> None:
    listed = _listed(functions)
    assert {row["proname"] for row in listed if row["provolatile"] == "v"} == _VOLATILE
    assert {row["proname"] for row in listed if row["provolatile"] == "s"} == _STABLE
    assert {row["lanname"] for row in listed} == {"internal", "sql", "c"}
    assert not [row for row in listed if row["prosecdef"] or row["prokind"] == "p"]
    assert {row["nspname"] for row in listed if row["lanname"] == "c"} == {"public"}


async def test_no_overload_takes_or_gives_what_is_the_catalogs(functions: Sequence[Row]) -> None:
    found = {
        f"{row['proname']}({row['arguments']})"
        for row in _listed(functions)
        if _CATALOG_TYPES & {*row["types"], row["returned"]}
    }
    assert found == _UNREACHABLE


async def test_nothing_gives_what_is_the_catalogs(
    admin: asyncpg.Connection, functions: Sequence[Row]
) -> None:
    # A regtype makes one of any text beside it, such as the name of a table that is not the
    # query's to know. `max(oid)` and the like are given one already.
    giving = {
        f"{row['proname']}({row['arguments']})"
        for row in _listed(functions)
        if row["returned"].startswith("reg") or row["returned"] in _CATALOG_TYPES
    }
    assert giving == {one for one in _UNREACHABLE if one.startswith(("max", "min"))}
    operators = await admin.fetch(
        "SELECT oprname, oprresult::regtype::text AS gives, oprleft::regtype::text AS takes"
        " FROM pg_operator"
    )
    gives = {
        (row["oprname"], row["takes"])
        for row in operators
        if row["gives"].startswith("reg") or row["gives"] in _CATALOG_TYPES
        if row["oprname"] in OPERATORS | VECTOR_OPERATORS
    }
    # pg_lsn and aclitem cannot be made either.
    assert {takes for _, takes in gives} <= {"pg_lsn", "aclitem", "aclitem[]", "numeric"}


@pytest.mark.parametrize(
    "start",
    ["pg_", "lo_", "txid_", "has_", "inet_", "to_reg", "reg", "xml", "current", "ts_"],
)
def test_families_that_reach_further_are_not_on_the_list(start: str) -> None:
    harmless = {
        "regexp_count", "regexp_instr", "regexp_like", "regexp_match",
        "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table",
        "regexp_substr", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
        "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "ts_delete", "ts_filter", "ts_headline",
        "ts_rank", "ts_rank_cd",
    }  # fmt: skip
    assert {name for name in FUNCTIONS if name.startswith(start)} <= harmless


async def test_operators_compute_too(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(
        "SELECT o.oprname, p.proname, p.provolatile::text FROM pg_operator o"
        " JOIN pg_proc p ON p.oid = o.oprcode WHERE p.provolatile <> 'i'"
    )
    # With a time zone, a text search configuration, or the output function of a type.
    zoned = {row["proname"] for row in rows if "timestamptz" in row["proname"]}
    rest = {row["proname"] for row in rows} - zoned
    assert rest == {"anytextcat", "textanycat", "ts_match_tq", "ts_match_tt"}
    assert not [row for row in rows if row["provolatile"] == "v"]


async def test_the_names_of_outputs_are_those_of_postgresql(functions: Sequence[Row]) -> None:
    outputs: dict[str, set[tuple[str, ...]]] = {}
    for row in _listed(functions):
        modes, names = row["proargmodes"] or (), row["proargnames"] or ()
        found = tuple(name for name, mode in zip(names, modes, strict=False) if mode in "obt")
        if found:
            outputs.setdefault(row["proname"], set()).add(found)
    assert outputs.keys() == NAMED_OUTPUT
    every = {name for each in outputs.values() for one in each for name in one}
    assert every | {"ordinality"} == OUTPUT_NAMES


async def test_the_name_of_an_output_calls_nothing(functions: Sequence[Row]) -> None:
    assert not OUTPUT_NAMES & {row["proname"] for row in functions}


async def test_what_takes_any_row_is_harmless(functions: Sequence[Row]) -> None:
    """Behind a sub-query's alias, PostgreSQL could call these whatever the row is."""
    every = {'"any"', "anyelement", "anynonarray", "anycompatible", "record"}
    taking = {
        row["proname"]
        for row in functions
        if row["types"] and row["types"][0] in every and len(row["types"]) == 1
        if row["prokind"] == "f"
    }
    others = {name for name in taking - FUNCTIONS if not name.endswith(("_out", "_send"))}
    assert others == {
        "hash_record",
        "pg_collation_for",
        "pg_column_compression",
        "pg_column_size",
        "pg_column_toast_chunk_id",
        "pg_typeof",
        # Takes pairs of names and values, so one row alone is an error.
        "pg_restore_attribute_stats",
        "pg_restore_relation_stats",
    }
