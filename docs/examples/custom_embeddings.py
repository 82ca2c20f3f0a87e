"""Embeddings without a service: the mean of pre-trained word vectors, as GloVe and fastText have
them in text files of `word number number ...` a line."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from mcpdb import ConfigurationError, EmbeddingProvider
from mcpdb.embeddings import EmbeddingKind


class WordEmbeddings(EmbeddingProvider):
    """The mean of the vectors of a text's words; words that the file does not have do not count."""

    def __init__(self, vectors: Path, *, dimensions: int) -> None:
        self.name = f"words-{vectors.stem}"  # stored beside each vector: another file, another name
        self.dimensions = dimensions
        self._file = vectors
        self._words: dict[str, list[float]] = {}

    @override
    async def open(self) -> None:
        try:
            self._words = await asyncio.to_thread(self._read)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self._file} holds no word vectors.") from error

    def _read(self) -> dict[str, list[float]]:
        lines = (line.split() for line in self._file.read_text(encoding="utf-8").splitlines())
        return {
            word: [float(number) for number in numbers]
            for word, *numbers in lines
            if len(numbers) == self.dimensions  # fastText's first line is a count
        }

    @override
    async def embed_batch(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[list[float]]:
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        known = [self._words[w] for w in re.findall(r"\w+", text.lower()) if w in self._words]
        mean = [sum(column) / len(known) for column in zip(*known, strict=True)]
        return mean if any(mean) else [1.0] + [0.0] * (self.dimensions - 1)  # zero has no cosine
