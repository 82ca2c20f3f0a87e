"""The types that SQL of a model may cast to."""

from typing import Final

from mcpdb.sql.words import listed

TYPES: Final = listed(
    """
    bool int2 int4 int8 float4 float8 numeric money text varchar bpchar bytea bit varbit
    date time timetz timestamp timestamptz interval uuid json jsonb jsonpath tsvector tsquery
    inet cidr macaddr macaddr8 point line lseg box circle
    int4range int8range numrange tsrange tstzrange daterange
    int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
    """
)
"""PostgreSQL's own, by the names of `pg_type`: the grammar has turned `integer` into `int4`."""

VECTOR_TYPES: Final = frozenset({"vector", "halfvec", "sparsevec"})
"""pgvector's."""

_REASONS: Final = {
    "oid": "Object ids say what is in the database's catalogs. Use bigint for a number.",
    "xml": "XML cannot be made here. Use jsonb.",
    "name": "It is for the database's own names. Use text.",
    "char": "It is for the database's own catalogs. Use char(1) or text.",
    "record": "Say the columns where the function is called: AS x(a int, b text).",
    "path": "It may have any number of points. Use lseg, box or circle.",
    "polygon": "It may have any number of points. Use lseg, box or circle.",
    "serial": "It is for the making of tables. Use integer.",
    "string": "Use text.",
    "datetime": "Use timestamp or timestamptz.",
    "double": "Use double precision.",
    "number": "Use numeric.",
    "signed": "Use integer or bigint.",
    "unsigned": "Use integer or bigint.",
}
_INTERNAL: Final = listed(
    "xid xid8 cid tid pg_lsn aclitem txid_snapshot pg_snapshot oidvector int2vector"
)


def reason(name: str) -> str:
    """What to tell of a type that may not be cast to."""
    if name.startswith("reg"):
        return "It looks names up in the database's catalogs. Use text."
    if name in _INTERNAL:
        return "It is for the database's own bookkeeping. Leave the cast out."
    plain = "Use one of PostgreSQL's plain types, such as text, numeric, date or timestamptz."
    return _REASONS.get(name, plain)
