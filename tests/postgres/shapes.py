"""Selects of many shapes, and types of an author's own, for comparing two ways to execute them."""

import enum
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Enum,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
    values,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from typing_extensions import override


class Doubled(TypeDecorator[int]):
    """Is stored as twice its value."""

    impl = Integer
    cache_ok = True

    @override
    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else value * 2

    @override
    def process_literal_param(self, value: int | None, dialect: Dialect) -> str:
        return "NULL" if value is None else str(value * 2)

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else value // 2


class Tagged(TypeDecorator[str]):
    """Depends on how it was made, and says so in its cache key."""

    impl = Text
    cache_ok = True

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{self.tag}:{value}"

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{value}:{self.tag}"


class Keyless(Tagged):
    """Has no cache key."""

    cache_ok = False


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


def _stored(members: type[Size]) -> list[str]:
    return [member.value for member in members]


BY_VALUE = Enum(Size, name="mood", native_enum=False, values_callable=_stored)
BY_NAME = Enum(Size, name="size", native_enum=False)


class Opaque(ColumnElement[int]):
    """An element of somebody's own, without a cache key."""

    inherit_cache = False
    type = Integer()

    def __init__(self, number: int) -> None:
        self.number = number


@compiles(Opaque)
def _opaque(element: Opaque, *_: Any, **__: Any) -> str:
    return f"({element.number})"


goods = Table(
    "goods",
    MetaData(),
    Column("id", Integer),
    Column("name", Text, key="title"),
    Column("twice", Doubled),
    Column("size", BY_VALUE),
    Column('odd %(x)s :y "z" é', Text, key="odd"),
)
_ROWS = (
    (1, "a%b", 2, "s", "x"),
    (2, "a_b", 4, "l", "%s"),
    (3, "100%", 6, "s", ":y"),
    (4, "\\", 8, "l", "$1"),
)


def _goods() -> Any:
    """The rows of `goods` without a table: what the login may read is nothing."""
    rows = [(i, n, t // 2, Size(s), o) for i, n, t, s, o in _ROWS]
    return values(*goods.columns, name="goods").data(rows)


def shapes(number: int, word: str, some: list[int], words: list[str], limit: int) -> list[Any]:
    g = _goods()
    c = g.c
    big = select(c.id, c.twice).where(c.id > number % 4).cte("big")
    return [
        select(c.id).where(c.id.in_(some)).order_by(c.id),
        select(c.id).where(c.id.not_in(some), c.odd.in_(words)).order_by(c.id),
        select(c.twice).where(c.twice.in_(some)),
        select(c.size).where(c.size.in_([Size.SMALL][: number % 2])),
        select(c.id).where(tuple_(c.id, c.odd).in_([(n, word) for n in some])),
        select(literal(some, ARRAY(Integer)).label("some"), literal(word).label("word")),
        select(c.id).where(c.odd.contains(word, autoescape=True)).order_by(c.id),
        select(c.id).where(c.odd.like(f"%{word}%", escape="/")).order_by(c.id),
        select(c.id, c.odd).order_by(c.id).limit(limit % 5).offset(number % 3),
        select(big.c.twice, func.count()).group_by(big.c.twice).order_by(big.c.twice),
        select(select(func.sum(big.c.id)).scalar_subquery().label("of all"), literal(number)),
        select(c.id, c.id, c.id.label("id"), literal(number).label("id")).order_by(c.id),
        select(c.id.label("%(x)s"), c.id.label("a:b"), c.id.label("100%"), c.id.label('q"q')),
        select(
            literal_column("1 % 2", Integer),
            literal_column("'a:b'", Text).label("x"),
            literal(word),
        ),
        select(text("1 AS one"), text("'%' AS two"), literal(number).label("three")),
        select(text("1 AS one, 2 AS two"), literal(number).label("three")),
        select(text(":n + 1 AS n").bindparams(bindparam("n", number, Integer))),
        select(bindparam("lit", number, Integer, literal_execute=True).label("lit")),
        select(bindparam("dbl", number, Doubled, literal_execute=True).label("dbl")),
        select(case((c.id > number, word), else_="-").label("c"), c.twice + number),
        select(func.jsonb_build_object("a", number, type_=pg.JSONB)["a"].as_integer()),
        select(literal({"a": {"b": word}}, pg.JSONB)[("a", "b")].astext.label("path")),
        select(union_all(select(literal(number).label("n")), select(literal(7))).subquery()),
        select(func.unnest(literal(some, ARRAY(Integer))).column_valued("v")),
        select(literal(word, Tagged("x")).label("t"), literal(word, Tagged("y")).label("u")),
        select(Opaque(number).label("opaque"), literal(word, Keyless("z"))),
        select(cast(literal(str(number)), Doubled), cast(word, String).collate("C")),
        select(func.row_number().over(order_by=c.id.desc()).label("n"), c.id).order_by(c.id),
        select(goods.c.title, goods.c.odd).select_from(goods).where(text("false")).params(),
        select(literal(number) % 3, literal(number).op("%")(4)),
        select(bindparam("p", type_=Integer).label("p")).params(p=number),
        select(c.id).distinct().order_by(c.id).fetch(limit % 4),
        select(literal(f"%(w)s {word} $1 ::int").label("w"), literal_column("'$9 %(z)s'", Text)),
    ]
