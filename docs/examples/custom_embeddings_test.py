from pathlib import Path

import pytest
from custom_embeddings import WordEmbeddings

from mcpdb.testing import EmbeddingsContract

VECTORS = """\
outdoor 0.8 0.1 0.1
exterior 0.8 0.2 0.1
paint 0.7 0.0 0.2
walls 0.6 0.3 0.1
claw 0.0 0.1 0.9
hammer 0.1 0.0 0.9
"""


class TestWordEmbeddings(EmbeddingsContract):
    """The contract, held by this provider."""

    alike = ("outdoor paint", "paint for exterior walls", "claw hammer")

    @pytest.fixture
    def provider(self, tmp_path: Path) -> WordEmbeddings:
        file = tmp_path / "six-words.txt"
        file.write_text(VECTORS, encoding="utf-8")
        return WordEmbeddings(file, dimensions=3)
