"""The embeddings contract, on every provider of ours and on the documentation's."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from custom_embeddings import WordEmbeddings
from custom_embeddings_test import TestWordEmbeddings  # the documentation's, run here
from typing_extensions import override

from mcpdb import ConfigurationError, EmbeddingProvider, EmbeddingsUnavailable, HashedEmbeddings
from mcpdb.embeddings import EmbeddingKind
from mcpdb.testing import EmbeddingsContract

__all__ = ["TestWordEmbeddings"]


class _Offline(HashedEmbeddings):
    """A provider whose service is down."""

    @override
    async def embed_batch(
        self, texts: Sequence[str], *, kind: EmbeddingKind
    ) -> list[Sequence[float]]:
        msg = "The embedding service cannot be reached."
        raise EmbeddingsUnavailable(msg)


class TestHashedEmbeddings(EmbeddingsContract):
    @pytest.fixture(params=[384, 1_536])
    def provider(self, request: pytest.FixtureRequest) -> EmbeddingProvider:
        return HashedEmbeddings(dimensions=request.param)

    @pytest.fixture
    def broken(self) -> EmbeddingProvider | None:
        return _Offline()


@pytest.mark.parametrize("text", [None, "paint one two three"])
async def test_a_file_without_vectors_is_refused_when_opened(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "other.vec"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="holds no word vectors"):
        await WordEmbeddings(file, dimensions=3).open()
