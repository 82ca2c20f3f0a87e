"""Filling empty tables: reference data, vectors, customers and orders, then the indexes. The large
tables are generated while PostgreSQL stores what was generated before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import sqlalchemy as sa

from mcpdb import EmbeddingProvider
from zava import tables
from zava.catalogue import Catalogue, Company
from zava.generate import MEAN_ITEMS, History, Plan, draw_history, draw_items, orders
from zava.rows import (
    COPY_HEADER,
    COPY_TRAILER,
    Records,
    embedded_text,
    pack_item,
    pack_order,
    reference_rows,
)

Row = TypeVar("Row")
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a step's name, and how much of it is done of how much in all."""

_CHUNK: Final = 2_000  # rows made between two turns of the event loop: some 5 ms
_EMBEDDED_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to fill the tables with, and over which connection."""

    connection: asyncpg.Connection
    plan: Plan
    catalogue: Catalogue
    until: date
    company: Company
    embeddings: EmbeddingProvider
    progress: Progress


async def fill(job: Job) -> None:
    """Fill the tables, which are new and empty, and index them, in the caller's transaction."""
    plan = job.plan
    await _load_reference(job)
    await _load_embeddings(job)
    history = await asyncio.to_thread(  # it takes some 0.3 s
        draw_history, job.company, customers=plan.customers, seed=plan.seed, until=job.until
    )
    await _load_history(job, history)
    indexes = tables.create_indexes()
    for number, statement in enumerate(indexes):
        job.progress("indexes", number, len(indexes))
        await job.connection.execute(statement)
    job.progress("indexes", len(indexes), len(indexes))


async def _load_reference(job: Job) -> None:
    for table, records in reference_rows(job.catalogue, job.company, seed=job.plan.seed):
        await _copy(job, table, records)


async def _load_embeddings(job: Job) -> None:
    products = job.catalogue.products
    texts = [embedded_text(product) for product in products]
    for start in range(0, len(texts), _EMBEDDED_AT_ONCE):
        job.progress("embeddings", start, len(texts))
        batch = texts[start : start + _EMBEDDED_AT_ONCE]
        vectors = await job.embeddings.embed(batch, kind="document")
        await job.connection.executemany(
            "INSERT INTO retail.product_description_embeddings (product_id, description_embedding)"
            " VALUES ($1, $2::real[]::vector)",
            list(enumerate(vectors, start + 1)),
        )
    job.progress("embeddings", len(texts), len(texts))
    pictures = [
        (n, product.image_path, product.image_embedding)
        for n, product in enumerate(products, 1)
        if product.image_path and product.image_embedding
    ]
    await job.connection.executemany(
        "INSERT INTO retail.product_image_embeddings (product_id, image_url, image_embedding)"
        " VALUES ($1, $2, $3::real[]::vector)",
        pictures,
    )


async def _load_history(job: Job, history: History) -> None:
    await _copy(job, tables.customers, history.customers)
    placed = sum(map(len, history.visits))
    await _copy_packed(job, tables.orders, map(pack_order, orders(history)), expected=placed)
    items = draw_items(history, job.catalogue, job.company, seed=job.plan.seed)
    expected = round(placed * MEAN_ITEMS)
    await _copy_packed(job, tables.order_items, map(pack_item, items), expected=expected)


async def _copy(job: Job, table: sa.Table, records: Records) -> None:
    rows = list(records)

    async def one_by_one() -> AsyncIterator[tuple[Any, ...]]:
        async for chunk in _chunks(job, table.name, rows, expected=len(rows)):
            for row in chunk:
                yield row

    await job.connection.copy_records_to_table(
        table.name, schema_name=tables.SCHEMA, records=one_by_one()
    )


async def _copy_packed(job: Job, table: sa.Table, rows: Iterable[bytes], *, expected: int) -> None:
    async def packed() -> AsyncIterator[bytes]:
        yield COPY_HEADER
        async for chunk in _chunks(job, table.name, rows, expected=expected):
            yield b"".join(chunk)
        yield COPY_TRAILER

    # FREEZE: the rows are new to everybody, so they need no second visit to mark them visible.
    await job.connection.copy_to_table(
        table.name, schema_name=tables.SCHEMA, source=packed(), format="binary", freeze=True
    )


async def _chunks(
    job: Job, step: str, rows: Iterable[Row], *, expected: int
) -> AsyncIterator[list[Row]]:
    """Rows are made while PostgreSQL stores those before; between chunks others may run."""
    remaining, done = iter(rows), 0
    while chunk := list(islice(remaining, _CHUNK)):
        job.progress(step, done, max(done + len(chunk), expected))
        yield chunk
        done += len(chunk)
        await asyncio.sleep(0)
    job.progress(step, done, done)
