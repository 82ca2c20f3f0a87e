"""The products, ours and the original's formats, and the company that ships with the package."""

import json
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import ConfigurationError
from zava.catalogue import IMAGE_DIMENSIONS, Product, load_catalogue, load_company
from zava.identity import HEAD_OFFICE

OURS: dict[str, Any] = {
    "sku": "HTHM001600",
    "name": "Claw Hammer",
    "category": "HAND TOOLS",
    "type": "HAMMERS",
    "cost": 28,
    "description": "Drives nails.",
}
FLAT: dict[str, Any] = {
    "name": "Claw Hammer",
    "sku": "HTHM001600",
    "price": 28,
    "description": "Drives nails.",
    "stock_level": 25,
    "image_path": "hammer.png",
    "main_category": "HAND TOOLS",
    "subcategory": "HAMMERS",
}
NESTED: dict[str, Any] = {
    "name": "Claw Hammer",
    "sku": "HTHM001600",
    "price": 28,
    "description": "Drives nails.",
    "stock_level": 25,
    "image_path": "hammer.png",
    "image_embedding": [0.25] * IMAGE_DIMENSIONS,
    "description_embedding": [0.5] * 1_536,
}
SEASON_KEY = "washington_seasonal_multipliers"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "products.json"


def nested(*products: object, season: object = None, **types: object) -> dict[str, Any]:
    shelves = {"HAMMERS": list(products), **types}
    if season is not None:
        shelves[SEASON_KEY] = season
    return {"main_categories": {"HAND TOOLS": shelves}}


def test_the_shipped_catalogue_is_whole() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.products) == len({product.sku for product in catalogue.products}) == 424
    assert len(catalogue.types) == 88
    assert Counter(product.category for product in catalogue.products) == {
        "HAND TOOLS": 31,
        "POWER TOOLS": 49,
        "PAINT & FINISHES": 51,
        "HARDWARE": 50,
        "LUMBER & BUILDING MATERIALS": 50,
        "ELECTRICAL": 50,
        "PLUMBING": 50,
        "GARDEN & OUTDOOR": 43,
        "STORAGE & ORGANIZATION": 50,
    }
    assert set(catalogue.seasons) == set(catalogue.categories)
    descriptions = [product.description for product in catalogue.products]
    assert len(set(descriptions)) == 424
    assert all(150 < len(each) < 320 and each.endswith(".") for each in descriptions)
    shipped = files("zava").joinpath("data", "catalogue.json").read_bytes()
    assert catalogue.sha256 == sha256(shipped).hexdigest()


def test_a_list_price_of_the_original_comes_out_to_the_cent() -> None:
    (hammer,) = [p for p in load_catalogue().products if p.sku == "HTHM001600"]
    assert hammer.price_cents == 4_179


@given(cents=st.integers(1, 100_000_000))
def test_the_list_price_is_the_cost_with_a_margin_of_a_third_rounded(cents: int) -> None:
    product = Product.model_validate({**OURS, "cost": Decimal(cents).scaleb(-2)})
    assert product.cost_cents == cents
    assert abs(product.price_cents - Decimal(cents) / Decimal("0.67")) <= Decimal("0.5")


@pytest.mark.parametrize(
    "document", [[OURS], [FLAT], nested(NESTED)], ids=["ours", "flat", "nested"]
)
def test_each_format_gives_the_same_product(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))
    catalogue = load_catalogue(path)
    (product,) = catalogue.products
    assert (product.sku, product.name, product.cost) == ("HTHM001600", "Claw Hammer", Decimal(28))
    assert (product.category, product.type) == ("HAND TOOLS", "HAMMERS")
    assert product.description == "Drives nails."
    assert catalogue.types == [("HAND TOOLS", "HAMMERS")]
    assert catalogue.seasons == {"HAND TOOLS": load_catalogue().seasons["HAND TOOLS"]}
    assert catalogue.sha256 == sha256(path.read_bytes()).hexdigest()


def test_a_nested_file_brings_seasons_pictures_and_types_without_products(path: Path) -> None:
    season = [round(0.5 + month / 10, 1) for month in range(12)]
    unpictured: dict[str, Any] = {**NESTED, "sku": "X", "image_embedding": []}
    beside: dict[str, Any] = {"LEVELS": [], "remark": "no list, read past"}
    path.write_text(json.dumps(nested(NESTED, unpictured, season=season, **beside)))
    catalogue = load_catalogue(path)
    assert catalogue.types == [("HAND TOOLS", "HAMMERS"), ("HAND TOOLS", "LEVELS")]
    assert list(catalogue.seasons["HAND TOOLS"]) == season
    assert catalogue.products[0].image_embedding == (0.25,) * IMAGE_DIMENSIONS
    assert catalogue.products[1].image_embedding is None


def test_a_category_that_nobody_gave_a_season_has_none(path: Path) -> None:
    path.write_text(json.dumps([{**OURS, "category": "TOYS"}]))
    assert load_catalogue(path).seasons == {"TOYS": (1.0,) * 12}


def test_costs_keep_their_cents(path: Path) -> None:
    path.write_text(json.dumps([{**OURS, "cost": 89.99}]))
    assert load_catalogue(path).products[0].cost == Decimal("89.99")


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in OURS.items() if key != name}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], ["holds no product"]),
        ({}, ["neither a list of products", "main_categories"]),
        ("a text", ["neither a list of products"]),
        ({"main_categories": []}, ["main_categories"]),
        ({"main_categories": {"": {}}}, ["main_categories"]),
        ({"main_categories": {"HAND TOOLS": 3}}, ["HAND TOOLS"]),
        ([OURS, 3], ["product 2"]),
        ([OURS, OURS], ["HTHM001600", "twice"]),
        *(([without(name)], ["product 1", name, "required"]) for name in OURS),
        ([{**OURS, "cost": 0}], ["product 1", "HTHM001600", "cost"]),
        ([{**OURS, "cost": 1.005}], ["HTHM001600", "cost"]),
        ([{**OURS, "cost": 10**7}], ["HTHM001600", "cost"]),
        ([{**OURS, "cost": "much"}], ["HTHM001600", "cost"]),
        ([{**OURS, "cost": True}], ["HTHM001600", "cost"]),
        ([{**OURS, "cost": float("nan")}], ["HTHM001600", "cost"]),
        ([{**OURS, "name": " "}], ["HTHM001600", "name"]),
        ([{**OURS, "name": "a\0b"}], ["HTHM001600", "name", "NUL"]),
        ([{**OURS, "name": "\ud800"}], ["HTHM001600", "name"]),
        ([{**OURS, "name": "x" * 201}], ["HTHM001600", "name"]),
        ([{**OURS, "description": 7}], ["HTHM001600", "description"]),
        (nested(NESTED, season=[1] * 11), ["HAND TOOLS", SEASON_KEY]),
        (nested(NESTED, season=[0] * 12), ["HAND TOOLS", SEASON_KEY]),
        (nested(NESTED, season="always"), ["HAND TOOLS", SEASON_KEY]),
        (nested(NESTED, 4), ["HAND TOOLS / HAMMERS, product 2"]),
        (nested({**NESTED, "price": -1}), ["HAMMERS, product 1", "HTHM001600", "price"]),
        (nested({**NESTED, "image_embedding": [1, 2]}), ["HTHM001600", "image_embedding"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_place(
    path: Path, document: object, words: list[str]
) -> None:
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(path)
    assert "\n" not in str(caught.value)
    for word in [str(path), *words]:
        assert word in caught.value.message


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\xfe[]", b"[" * 100_000])
def test_a_file_that_is_not_json_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"products\.json is not a JSON file"):
        load_catalogue(path)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"products\.json cannot be read"):
        load_catalogue(path)


def test_the_company_has_its_stores_and_regions() -> None:
    company = load_company()
    assert [store.store_id for store in company.stores] == list(range(1, 9))
    assert [store.name for store in company.stores if store.is_online] == ["Zava Retail Online"]
    assert [(region.name, len(region.stores)) for region in company.regions] == [
        ("Puget Sound", 6),
        ("Statewide", 8),
    ]
    names = {store.name for store in company.stores}
    assert all(set(region.stores) <= names for region in company.regions)
    assert len(company.year_weights) == 7
    assert len(company.first_names) == len(set(company.first_names)) > 200
    assert len(company.last_names) == len(set(company.last_names)) > 200


def test_no_two_managers_share_an_id_and_none_has_the_head_offices() -> None:
    company = load_company()
    ids = [str(store.rls_user_id) for store in company.stores]
    ids += [str(region.rls_user_id) for region in company.regions]
    assert len(set(ids)) == len(ids)
    assert HEAD_OFFICE not in ids
    assert all(region.rls_user_id.version == 4 for region in company.regions)
