"""The contract: texts go in, one vector each comes out, always of the same length."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from mcpdb.errors import ResultError
from mcpdb.provider import Provider

Vector: TypeAlias = Sequence[float]
EmbeddingKind: TypeAlias = Literal["query", "document"]


class EmbeddingProvider(Provider):
    """Turns texts into vectors.

    A subclass says its `name` and `dimensions` and implements `embed_batch`; batches and checks
    are given. It must be safe for concurrent calls and must not block the event loop.

    Attributes:
        name: Provider, model and version, such as `hashed-v1`. Vectors of different names are not
            comparable; the name is stored beside them.
        dimensions: The length of every vector.
        max_batch: The most texts that `embed_batch` is given at once.
    """

    name: str
    dimensions: int
    max_batch: ClassVar[int] = 256

    @abstractmethod
    async def embed_batch(self, texts: Sequence[str], *, kind: EmbeddingKind) -> Sequence[Vector]:
        """One vector for each text, in order, for at most `max_batch` texts.

        Args:
            texts: What to embed; may hold empty texts.
            kind: Whether they are questions or what is searched; many models tell the two apart.

        Raises:
            EmbeddingsUnavailable: The service cannot be reached or answered with an error.
        """

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:
        """One vector for each text, in order, in as many batches as it takes.

        Raises:
            EmbeddingsUnavailable: See `embed_batch`.
            ResultError: The provider answered with another number of vectors, a vector of another
                length, or a component that is not finite.
        """
        vectors: list[Vector] = []
        for start in range(0, len(texts), self.max_batch):
            batch = texts[start : start + self.max_batch]
            made = await self.embed_batch(batch, kind=kind)
            if len(made) != len(batch):
                msg = "The embedding provider answered with another number of vectors than texts."
                raise ResultError(msg)
            for vector in made:
                self._check(vector)
            vectors.extend(made)
        return vectors

    def _check(self, vector: Vector) -> None:
        if len(vector) != self.dimensions:
            msg = f"The embedding has {len(vector)} dimensions, not {self.dimensions}."
            raise ResultError(msg)
        # A sum is finite only if every component is, and is faster than asking each. The built-in
        # one: math.fsum raises where large components or two infinities meet.
        if not math.isfinite(sum(vector)) and not all(map(math.isfinite, vector)):
            msg = "The embedding has a component that is not a finite number."
            raise ResultError(msg)
