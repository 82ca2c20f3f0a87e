"""Seeding: what is stored, and what happens to what is there already."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from mcpdb import ConfigurationError, EmbeddingProvider, EmbeddingsUnavailable, HashedEmbeddings
from stores import Connect, CreateDatabase, checksum, key_of
from zava import tables
from zava.catalogue import load_catalogue, load_company
from zava.generate import Plan, draw_history, draw_items, orders
from zava.load import seed, seeded
from zava.rows import embedded_text


@pytest.fixture
async def admin(connect: Connect, empty: str) -> asyncpg.Connection:
    return await connect(empty, "postgres")


async def test_a_seed_is_complete_and_says_what_it_was_made_from(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    made = await seed(admin, plan, embeddings=embeddings)
    info = made.info
    assert await seeded(admin) == info
    assert made.key == await key_of(admin)
    assert str(made.key) not in repr(made)
    assert (info.size, info.seed, info.until) == (plan.size, plan.seed, plan.until)
    assert info.catalogue_sha256 == load_catalogue().sha256
    assert (info.embedding_provider, info.embedding_dimensions) == (
        embeddings.name,
        embeddings.dimensions,
    )
    rows = {name: rows for name, (rows, _) in (await checksum(admin)).items()}
    assert rows["retail.customers"] == 1_000
    assert rows["retail.products"] == rows["retail.product_description_embeddings"] == 424
    assert rows["retail.inventory"] == 8 * 424
    assert rows["retail.store_access"] == 8 + 6 + 8
    assert rows["retail.product_image_embeddings"] == 0
    assert rows["retail.orders"] > 3_000
    assert await admin.fetchval("SELECT current_user") == "postgres"


async def test_what_is_stored_is_what_was_generated(
    connect: Connect, zava: str, plan: Plan
) -> None:
    admin, company, catalogue = await connect(zava, "postgres"), load_company(), load_catalogue()
    assert plan.until is not None
    history = draw_history(company, customers=plan.customers, seed=plan.seed, until=plan.until)
    stored = await admin.fetch("SELECT * FROM retail.customers ORDER BY customer_id")
    assert [tuple(row) for row in stored] == list(history.customers)
    stored = await admin.fetch("SELECT * FROM retail.orders ORDER BY order_id")
    assert [tuple(row) for row in stored] == list(orders(history))
    stored = await admin.fetch(
        "SELECT order_item_id, order_id, store_id, product_id, quantity, unit_price * 100,"
        " discount_percent, discount_amount * 100, total_amount * 100"
        " FROM retail.order_items ORDER BY order_item_id"
    )
    items = draw_items(history, catalogue, company, seed=plan.seed)
    assert [tuple(row) for row in stored] == list(items)
    stored = await admin.fetch(
        "SELECT sku, product_name, category_name, type_name, cost, base_price * 100,"
        " product_description FROM retail.products JOIN retail.product_types USING (type_id)"
        " JOIN retail.categories ON categories.category_id = products.category_id"
        " AND categories.category_id = product_types.category_id ORDER BY product_id"
    )
    assert [tuple(row) for row in stored] == [
        (
            each.sku,
            each.name,
            each.category,
            each.type,
            each.cost,
            each.price_cents,
            each.description,
        )
        for each in catalogue.products
    ]


async def test_products_are_stored_with_the_vector_of_their_own_text(
    connect: Connect, zava: str, embeddings: HashedEmbeddings
) -> None:
    admin = await connect(zava, "postgres")
    for product_id in (1, 33, 424):
        product = load_catalogue().products[product_id - 1]
        (vector,) = await embeddings.embed([embedded_text(product)], kind="document")
        distance = await admin.fetchval(
            "SELECT description_embedding <-> $1::real[]::vector"
            " FROM retail.product_description_embeddings WHERE product_id = $2",
            vector,
            product_id,
        )
        assert distance < 1e-6


async def test_what_is_there_already_is_left_alone(
    connect: Connect, zava: str, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    admin = await connect(zava, "postgres")
    found = await seeded(admin)
    assert found is not None
    steps: list[str] = []

    def note(step: str, _done: int, _total: int) -> None:
        steps.append(step)

    for asked in (plan, replace(plan, until=None), replace(plan, catalogue=load_catalogue())):
        again = await seed(admin, asked, embeddings=embeddings, progress=note)
        assert (again.info, again.key) == (found, None)
    assert not steps


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"size": "full"}, "size small instead of full"),
        ({"seed": 7}, "seed 2025 instead of 7"),
        ({"until": date(2025, 1, 1)}, "until 2026-10-31 instead of 2025-01-01"),
    ],
)
async def test_asking_for_other_data_is_an_error_that_says_what_to_do(  # noqa: PLR0917  # fixtures
    connect: Connect,
    zava: str,
    plan: Plan,
    embeddings: HashedEmbeddings,
    change: dict[str, Any],
    difference: str,
) -> None:
    admin = await connect(zava, "postgres")
    with pytest.raises(ConfigurationError, match=difference) as caught:
        await seed(admin, replace(plan, **change), embeddings=embeddings)
    assert "--data" in caught.value.hint
    assert "--replace" in caught.value.hint


async def test_other_embeddings_than_there_are_are_an_error(
    connect: Connect, zava: str, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    admin = await connect(zava, "postgres")
    with pytest.raises(ConfigurationError, match="embedding_dimensions 16 instead of 32"):
        await seed(admin, plan, embeddings=HashedEmbeddings(dimensions=32))
    embeddings = HashedEmbeddings(dimensions=embeddings.dimensions)
    embeddings.name = "another model"
    with pytest.raises(ConfigurationError, match="instead of another model"):
        await seed(admin, plan, embeddings=embeddings)


async def test_replace_seeds_again_and_the_key_stays(
    connect: Connect,
    create_database: CreateDatabase,
    zava_template: str,
    plan: Plan,
    embeddings: HashedEmbeddings,
) -> None:
    admin = await connect(await create_database(zava_template), "postgres")
    before, key = await checksum(admin), await key_of(admin)
    again = await seed(admin, replace(plan, seed=7), embeddings=embeddings, replace=True)
    assert again.info.seed == 7
    assert again.key is None
    assert await key_of(admin) == key
    assert await checksum(admin) != before
    await seed(admin, plan, embeddings=embeddings, replace=True)
    assert await checksum(admin) == before


async def test_a_replace_that_fails_keeps_what_was_there(
    connect: Connect,
    create_database: CreateDatabase,
    zava_template: str,
    plan: Plan,
    out_of_order: EmbeddingProvider,
) -> None:
    admin = await connect(await create_database(zava_template), "postgres")
    before, info = await checksum(admin), await seeded(admin)
    with pytest.raises(EmbeddingsUnavailable):
        await seed(admin, plan, embeddings=out_of_order, replace=True)
    assert await checksum(admin) == before
    assert await seeded(admin) == info


async def test_a_schema_of_somebody_else_is_not_touched(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    await admin.execute("CREATE SCHEMA retail; CREATE TABLE retail.mine AS SELECT 1 AS one")
    for again in (False, True):
        with pytest.raises(ConfigurationError, match="not Zava's"):
            await seed(admin, plan, embeddings=embeddings, replace=again)
    assert await admin.fetchval("SELECT one FROM retail.mine") == 1
    assert await seeded(admin) is None


async def test_an_extension_where_the_login_does_not_look_is_an_error(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    await admin.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    with pytest.raises(ConfigurationError, match="in the schema extensions"):
        await seed(admin, plan, embeddings=embeddings)
    await admin.execute("ALTER EXTENSION vector SET SCHEMA public")
    await seed(admin, plan, embeddings=embeddings)


async def test_a_seed_within_a_transaction_is_refused(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    async with admin.transaction():
        with pytest.raises(ConfigurationError, match="not within a transaction"):
            await seed(admin, plan, embeddings=embeddings)


async def test_looking_leaves_a_transaction_as_it_was(connect: Connect, zava: str) -> None:
    admin = await connect(zava, "postgres")
    async with admin.transaction():
        await admin.execute("SET LOCAL ROLE pg_monitor")
        await admin.execute("RESET ROLE")
        assert await seeded(admin) is not None
        assert await admin.fetchval("SELECT current_user") == "postgres"


async def test_a_nested_catalogue_brings_its_pictures_and_its_empty_types(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings, tmp_path: Path
) -> None:
    hammer = {"sku": "H1", "name": "Hammer", "price": 4.5, "description": "It hits."}
    picture = {"image_path": "saw.png", "image_embedding": [0.5] * tables.IMAGE_DIMENSIONS}
    saw = hammer | picture | {"sku": "S1", "name": "Saw"}
    shelves = {"HAMMERS": [hammer], "SAWS": [saw], "LEVELS": []}
    path = tmp_path / "product_data.json"
    path.write_text(json.dumps({"main_categories": {"HAND TOOLS": shelves}}))
    asked = replace(plan, catalogue=load_catalogue(path))
    await seed(admin, asked, embeddings=embeddings)
    rows = {name: rows for name, (rows, _) in (await checksum(admin)).items()}
    assert (rows["retail.products"], rows["retail.product_types"]) == (2, 3)
    stored = await admin.fetchrow("SELECT * FROM retail.product_image_embeddings")
    assert stored is not None
    assert (stored["product_id"], stored["image_url"]) == (2, "saw.png")
    with pytest.raises(ConfigurationError, match="catalogue_sha256"):
        await seed(admin, replace(plan, catalogue=load_catalogue()), embeddings=embeddings)
