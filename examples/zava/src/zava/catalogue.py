"""What the retailer sells and who it is: the products from our own file or from one in either of
the original formats, and the stores, regions, names and seasons that ship with this package."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeGuard
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from mcpdb import ConfigurationError

IMAGE_DIMENSIONS: Final = 512
"""Length of a picture's vector (CLIP ViT-B/32)."""

_SEASON_KEY: Final = "washington_seasonal_multipliers"
_OBJECT: Final = TypeAdapter(dict[str, Any])


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("unstorable", "PostgreSQL cannot store the character NUL")
    return value


_Text: TypeAlias = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_storable),
]
_LongText: TypeAlias = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=10_000),
    AfterValidator(_storable),
]
Season: TypeAlias = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1_000)], ...], Field(min_length=12, max_length=12)
]
"""A weight for each month, from January on."""

# The original has an empty list where there is no vector.
_Picture: TypeAlias = Annotated[
    Annotated[tuple[float, ...], Field(min_length=IMAGE_DIMENSIONS, max_length=IMAGE_DIMENSIONS)]
    | None,
    BeforeValidator(lambda value: value or None),
]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Product(_Value):
    """One product. `cost` is the wholesale price in US dollars."""

    sku: _Text
    name: _Text
    category: Annotated[_Text, Field(validation_alias=AliasChoices("category", "main_category"))]
    type: Annotated[_Text, Field(validation_alias=AliasChoices("type", "subcategory"))]
    # The upper bound lets the dearest order line fit numeric(10, 2).
    cost: Annotated[
        Decimal,
        Field(gt=0, le=1_000_000, decimal_places=2, validation_alias=AliasChoices("cost", "price")),
    ]
    description: _LongText
    image_path: str | None = None
    image_embedding: _Picture = Field(default=None, repr=False)

    @property
    def cost_cents(self) -> int:
        """The wholesale price in cents."""
        return int(self.cost * 100)

    @property
    def price_cents(self) -> int:
        """The list price in cents: cost / 0.67, which leaves a gross margin of 33 percent."""
        return (self.cost_cents * 200 + 67) // 134  # rounded; a half cannot occur


class Catalogue(_Value):
    """The products in the order of their ids, which count from 1.

    Attributes:
        products: At least one; skus are unique, names need not be.
        types: Pairs of category and type in the order of the types' ids, which count from 1. A
            type of a nested file may have no product.
        seasons: Of each category.
        sha256: Of the file's bytes, as `sha256sum` prints it.
    """

    products: Sequence[Product]
    types: Sequence[tuple[str, str]]
    seasons: Mapping[str, Season]
    sha256: str

    @cached_property
    def categories(self) -> list[str]:
        """The categories in the order of their ids, which count from 1."""
        return list(dict.fromkeys(category for category, _ in self.types))


class Store(_Value):
    """One store.

    Attributes:
        rls_user_id: The store manager's id.
        area_code: Of the phones of the customers who signed up here.
        weight: Its share of the customers, relative to the other stores, and of the stock.
        order_frequency: Multiplies how many orders a customer makes.
        order_value: Multiplies how many pieces of a product an order line has on average.
    """

    store_id: int
    name: str
    rls_user_id: UUID
    is_online: bool
    area_code: str
    weight: float
    order_frequency: float
    order_value: float


class Region(_Value):
    """A manager of several stores, with an id of its own."""

    name: str
    rls_user_id: UUID
    stores: Sequence[str]


class Company(_Value):
    """The retailer itself.

    Attributes:
        year_weights: How many orders each of the last years has, relative to the others, the
            oldest first.
    """

    year_weights: Sequence[float]
    stores: Sequence[Store]
    regions: Sequence[Region]
    first_names: Sequence[str]
    last_names: Sequence[str]


def load_company() -> Company:
    """The retailer that ships with this package."""
    return Company.model_validate(
        json.loads(_shipped("stores.json")) | json.loads(_shipped("names.json"))
    )


def load_catalogue(path: str | Path | None = None) -> Catalogue:
    """The products of a JSON file, by default of the one that ships with this package.

    Three formats are understood: our own (a list of objects with `sku`, `name`, `category`,
    `type`, `cost` and `description`), the original flat list (`main_category`, `subcategory` and
    `price`, which is the cost), and the original nested file (`main_categories`: category ->
    type -> list of products, with monthly weights beside the types). A `description_embedding` in
    it is read past: a vector is comparable only with those of the model that embeds the questions.

    Raises:
        ConfigurationError: The file cannot be read, or a product in it breaks a rule. The message
            names the file, the product and the field.
    """
    name = str(path) if path is not None else "catalogue.json"
    content = _shipped(name) if path is None else _read(Path(path))
    try:
        document: object = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # ValueError: also where it is not UTF-8
        raise ConfigurationError(f"{name} is not a JSON file.", detail=str(error)) from error
    seasons = TypeAdapter(dict[str, Season]).validate_json(_shipped("seasonal.json"))
    if _is_list(document):
        products = [
            _product(f"{name}, product {n}", each, {}) for n, each in enumerate(document, 1)
        ]
        types = dict.fromkeys((product.category, product.type) for product in products)
    else:
        nested = _nested(document, name)
        products = [_product(*entry) for entry in nested.entries(name)]
        types = dict.fromkeys((category, type_) for category, type_, _ in nested.shelves())
        seasons |= nested.seasons(name)
    _check(products, name)
    return Catalogue(
        products=products,
        types=list(types),
        seasons={category: seasons.get(category, (1.0,) * 12) for category, _ in types},
        sha256=sha256(content).hexdigest(),
    )


class _Nested(BaseModel):
    """The original nested file. What is neither a type's list nor the season is read past."""

    main_categories: dict[_Text, dict[_Text, object]]

    def shelves(self) -> Iterator[tuple[str, str, list[object]]]:
        for category, types in self.main_categories.items():
            for type_, shelf in types.items():
                if type_ != _SEASON_KEY and _is_list(shelf):
                    yield category, type_, shelf

    def entries(self, name: str) -> Iterator[tuple[str, object, dict[str, str]]]:
        for category, type_, shelf in self.shelves():
            for number, value in enumerate(shelf, 1):
                where = f"{name}, {category} / {type_}, product {number}"
                yield where, value, {"category": category, "type": type_}

    def seasons(self, name: str) -> dict[str, Season]:
        season, seasons = TypeAdapter[Season](Season), dict[str, Season]()
        for category, types in self.main_categories.items():
            if _SEASON_KEY in types:
                try:
                    seasons[category] = season.validate_python(types[_SEASON_KEY])
                except ValidationError as error:
                    raise _wrong(f"{name}, {category}: {_SEASON_KEY}", error) from error
        return seasons


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _nested(document: object, name: str) -> _Nested:
    try:
        return _Nested.model_validate(document)
    except ValidationError as error:
        where = f'{name} is neither a list of products nor an object of "main_categories"'
        raise _wrong(where, error) from error


def _product(where: str, value: object, shelf: dict[str, str]) -> Product:
    try:
        fields = _OBJECT.validate_python(value)
        sku = fields.get("sku")
        where = f"{where} ({sku[:64]})" if isinstance(sku, str) else where
        return Product.model_validate(fields | shelf)
    except ValidationError as error:
        raise _wrong(where, error) from error


def _wrong(where: str, error: ValidationError) -> ConfigurationError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"{part}: " for part in first["loc"])
    return ConfigurationError(f"{where}: {place}{first['msg']}.")


def _check(products: Sequence[Product], name: str) -> None:
    if not products:
        raise ConfigurationError(f"{name} holds no product.")
    seen: set[str] = set()
    for product in products:
        if product.sku in seen:
            raise ConfigurationError(f"{name}: the sku {product.sku} stands there twice.")
        seen.add(product.sku)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error


def _shipped(name: str) -> bytes:
    return files("zava").joinpath("data", name).read_bytes()
