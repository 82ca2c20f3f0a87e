"""Text to vector."""

from mcpdb.embeddings.base import EmbeddingKind, EmbeddingProvider, Vector
from mcpdb.embeddings.hashed import HashedEmbeddings

__all__ = ["EmbeddingKind", "EmbeddingProvider", "HashedEmbeddings", "Vector"]
