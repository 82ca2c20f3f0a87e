"""Values of every type come from the driver as they come from SQLAlchemy's own execution."""

import datetime as dt
from collections.abc import Generator, Sequence
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Date,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    Uuid,
    cast,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.dialects import postgresql as pg

from postgres.both import Both, both_of
from postgres.shapes import BY_NAME, BY_VALUE, Doubled, Keyless, Size, Tagged
from postgres.typed import Weather, types

pytestmark = pytest.mark.timeout(120)
_few = settings.get_profile("postgres")


@pytest.fixture(scope="module")
def both(typed_dsn: str) -> Generator[Both]:
    """Connected for the tests of this file."""
    with both_of(typed_dsn) as made:
        yield made


_SAMPLES: Final[dict[str, Sequence[str | None]]] = {
    "bool": ["true", "false"],
    "int2": ["-32768"],
    "int8": [str(2**62)],
    "numeric": ["1.50", "NaN", "12345678901234567890.123"],
    "numeric_10_2": ["1.5"],
    "float4": ["0.1"],
    "float8": ["0.1", "Infinity"],
    "bytea": ["\\x00ff"],
    "date": ["2024-02-29"],
    "time": ["12:34:56.789"],
    "timetz": ["12:00+02"],
    "timestamp": ["2024-01-01 00:00"],
    "timestamptz": ["2024-01-01 00:00+02"],
    "interval": ["1 mon 2 days 3 s"],
    "uuid": ["00000000-0000-0000-0000-000000000001"],
    "json": ["null", '{"a": [1, 1e400]}'],
    "jsonb": ["null", '"x"', "12345678901234567890.5"],
    "int4_array": ["{1,NULL,3}", "{{1},{2}}"],
    "numeric_array": ["{1.50,NULL}"],
    "text_array": ['{"a,b",NULL}'],
    "mood": ["so so"],
    "weather": ["SUN"],
    "int4range": ["[1,5)", "empty", "(,3]"],
    "int8range": ["[1,5)"],
    "numrange": ["(1.5,2]"],
    "daterange": ["[2024-01-01,2024-02-01)"],
    "tsrange": ["[2024-01-01,2024-02-01)"],
    "tstzrange": ["[2024-01-01,2024-02-01)"],
    "textrange": ["[a,b)"],
    "int4multirange": ["{[1,2),[5,9)}", "{}"],
    "nummultirange": ["{[1,2)}"],
    "inet": ["10.0.0.1/8"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "vector": ["[1,2,3.5]"],
    "halfvec": ["[1,2]"],
    "sparsevec": ["{1:1.5}/5"],
    "varbit": ["10101"],
    "bit_varying": ["101"],
    "money": ["12.34"],
    "tsvector": ["a:1 b:2"],
    "price": ["(1.5,EUR)"],
    "position": ['("(1.5,EUR)","{a,b}")'],
    "xid8": ["12"],
    "pg_lsn": ["16/B374D848"],
    "point": ["(1,2)"],
    "line": ["{1,2,3}"],
    "lseg": ["[(1,2),(3,4)]"],
    "box": ["(3,4),(1,2)"],
    "path": ["[(1,2),(3,4)]"],
    "polygon": ["((1,2),(3,4))"],
    "circle": ["<(1,2),3>"],
}


@pytest.mark.parametrize("name", sorted(types()))
def test_every_type(both: Both, name: str) -> None:
    sample = [*_SAMPLES.get(name, ["1"]), None]
    item = func.unnest(literal(sample, ARRAY(Text))).column_valued("item")
    value = cast(item, types()[name]).label("value")
    both.agree(select(value))
    if not name.endswith("_array"):
        several = func.array_agg(value, type_=ARRAY(types()[name])).label("several")
        both.agree(select(several), may_fail=True)


_INT4 = st.integers(-(2**29), 2**29)
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)
_FLOATS = st.floats(-1_000, 1_000, width=16)
_VALUES: Final[tuple[tuple[Any, st.SearchStrategy[Any]], ...]] = (
    (Integer(), _INT4),
    (Boolean(), st.booleans()),
    (Numeric(), st.decimals(-(10**9), 10**9, places=4)),
    (Numeric(asdecimal=False), st.decimals(-(10**6), 10**6, places=2)),
    (Float(), st.floats(allow_nan=False, allow_infinity=False)),
    (Float(asdecimal=True), st.floats(-1_000, 1_000)),
    (Text(), _WORDS),
    (String(40), _WORDS),
    (LargeBinary(), st.binary(max_size=10)),
    (Date(), st.dates()),
    (pg.TIMESTAMP(), st.datetimes()),
    (pg.INTERVAL(), st.timedeltas(dt.timedelta(-1_000), dt.timedelta(1_000))),
    (Uuid(), st.uuids()),
    (Uuid(as_uuid=False), st.uuids().map(str)),
    (JSON(), _JSON),
    (JSON(none_as_null=True), _JSON),
    (pg.JSONB(), _JSON),
    (Enum(Weather, name="weather"), st.sampled_from(Weather)),
    (BY_VALUE, st.sampled_from(Size)),
    (BY_NAME, st.sampled_from(Size)),
    (Doubled(), _INT4),
    (Tagged("a"), _WORDS),
    (Tagged("b"), _WORDS),
    (Keyless("c"), _WORDS),
    (ARRAY(Integer), st.lists(_INT4 | st.none(), max_size=4)),
    (ARRAY(Doubled), st.lists(_INT4, max_size=4)),
    (ARRAY(Tagged("d")), st.lists(_WORDS, max_size=3)),
    (ARRAY(Enum(Weather, name="weather")), st.lists(st.sampled_from(Weather), max_size=3)),
    (ARRAY(Uuid()), st.lists(st.uuids(), max_size=3)),
    (VECTOR(3), st.lists(_FLOATS, min_size=3, max_size=3)),
    (HALFVEC(2), st.lists(_FLOATS, min_size=2, max_size=2)),
    (pg.INT4RANGE(), st.tuples(_INT4, _INT4).map(lambda p: pg.Range(min(p), max(p), bounds="[]"))),
)


@pytest.mark.parametrize("kind", range(len(_VALUES)), ids=lambda i: repr(_VALUES[int(i)][0])[:40])
@_few
@given(data=st.data())
def test_a_value_of_every_kind_there_and_back(both: Both, kind: int, data: st.DataObject) -> None:
    sql_type, strategy = _VALUES[kind]
    for value in data.draw(st.lists(strategy | st.none(), min_size=1, max_size=4)):
        statement = select(literal(value, sql_type).label("a"), cast(null(), sql_type).label("b"))
        both.agree(statement)
