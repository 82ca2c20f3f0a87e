"""What EmbeddingProvider does around an implementation: batches, and checks of its answer."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from typing_extensions import override

from mcpdb import EmbeddingProvider, ResultError
from mcpdb.embeddings import EmbeddingKind


class Canned(EmbeddingProvider):
    """Answers with what it was given, and remembers what it was asked."""

    name = "canned"
    dimensions = 3
    max_batch = 4

    def __init__(self, vector: Sequence[Any] = (1.0, 2.0, 3.0), *, extra: int = 0) -> None:
        self.asked: list[tuple[list[str], str]] = []
        self._vector = vector
        self._extra = extra

    @override
    async def embed_batch(
        self, texts: Sequence[str], *, kind: EmbeddingKind
    ) -> list[Sequence[float]]:
        self.asked.append((list(texts), kind))
        return [self._vector] * (len(texts) + self._extra)


@pytest.mark.parametrize(
    ("count", "batches"), [(0, []), (1, [1]), (4, [4]), (5, [4, 1]), (12, [4, 4, 4])]
)
async def test_texts_go_in_batches_and_in_order(count: int, batches: list[int]) -> None:
    provider = Canned()
    texts = [f"text {i}" for i in range(count)]
    assert len(await provider.embed(texts, kind="document")) == count
    assert [len(asked) for asked, _ in provider.asked] == batches
    assert [text for asked, _ in provider.asked for text in asked] == texts


async def test_the_kind_reaches_the_provider() -> None:
    provider = Canned()
    await provider.embed(["a"], kind="query")
    await provider.embed(["a"], kind="document")
    assert [kind for _, kind in provider.asked] == ["query", "document"]


@pytest.mark.parametrize("extra", [-1, 1, 3])
async def test_another_number_of_vectors_than_texts_is_an_error(extra: int) -> None:
    with pytest.raises(ResultError, match="another number of vectors"):
        await Canned(extra=extra).embed(["a", "b"], kind="query")


@pytest.mark.parametrize("vector", [(), (1.0,), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
async def test_a_vector_of_another_length_is_an_error(vector: Sequence[float]) -> None:
    with pytest.raises(ResultError, match=f"{len(vector)} dimensions, not 3"):
        await Canned(vector).embed(["a"], kind="query")


@pytest.mark.parametrize(
    "vector",
    [
        (1.0, math.nan, 2.0),
        (math.inf, 1.0, 2.0),
        (-math.inf, 1.0, 2.0),
        (math.inf, -math.inf, 1.0),
        (math.nan, math.inf, 1e308),
    ],
)
async def test_a_component_that_is_not_finite_is_an_error(vector: Sequence[float]) -> None:
    with pytest.raises(ResultError, match="not a finite number"):
        await Canned(vector).embed(["a"], kind="query")


@pytest.mark.parametrize("vector", [(1e308, 1e308, 1e308), (-1e308, -1e308, 0.0), (0, 1, 2)])
async def test_large_components_are_finite(vector: Sequence[float]) -> None:
    assert await Canned(vector).embed(["a"], kind="query") == [vector]


async def test_opening_and_closing_do_nothing_by_default() -> None:
    provider = Canned()
    await provider.open()
    await provider.close()
    assert provider.asked == []
