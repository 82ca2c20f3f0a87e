"""Embeddings without a model: character n-grams hashed into a vector. Offline and deterministic,
for development, demos and tests; it knows spelling, not meaning."""

import asyncio
import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from typing_extensions import override

from mcpdb.embeddings.base import EmbeddingKind, EmbeddingProvider, Vector
from mcpdb.errors import ConfigurationError

_SHORTEST, _LONGEST = 3, 5
_QUICK_CHARACTERS = 10_000


class HashedEmbeddings(EmbeddingProvider):
    """Counts the character 3- to 5-grams of each word, hashed into `dimensions` components.

    A component holds the signed sum of 1 + ln(count) of its n-grams ("feature hashing",
    Weinberger et al., 2009), and the vector has length 1, so that the cosine of two texts is high
    where they share many word parts. A text without letters or digits becomes the first unit
    vector, because a zero vector has no cosine.

    Args:
        dimensions: The length of the vectors. With fewer, more n-grams share a component, and
            less is found.
    """

    def __init__(self, *, dimensions: int = 1_536) -> None:
        if not 8 <= dimensions <= 16_000:  # pgvector stores at most 16,000
            msg = "HashedEmbeddings has from 8 to 16000 dimensions."
            raise ConfigurationError(msg)
        self.name = f"hashed-v1-{dimensions}"
        self.dimensions = dimensions

    @override
    async def embed_batch(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:
        if sum(map(len, texts)) <= _QUICK_CHARACTERS:  # some 15 ms; a thread costs more
            return self._embed_all(texts)
        return await asyncio.to_thread(self._embed_all, texts)

    def _embed_all(self, texts: Sequence[str]) -> list[Vector]:
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        vector = [0.0] * self.dimensions
        for gram, count in Counter(_grams(text)).items():
            # Not the built-in hash: it differs between processes.
            octets = gram.encode("utf-8", "surrogatepass")  # JSON may bring half a pair
            digest = int.from_bytes(blake2b(octets, digest_size=8).digest(), "big")
            sign = 1.0 if digest & 1 else -1.0
            vector[(digest >> 1) % self.dimensions] += sign * (1.0 + math.log(count))
        length = math.sqrt(math.fsum(component * component for component in vector))
        if length == 0.0:
            return [1.0] + [0.0] * (self.dimensions - 1)
        return [component / length for component in vector]


def _grams(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(c if c.isalnum() else " " for c in folded).split()
    grams: list[str] = []
    for word in words:
        padded = f" {word} "
        for size in range(_SHORTEST, _LONGEST + 1):
            grams.extend(padded[i : i + size] for i in range(len(padded) - size + 1))
    return grams
