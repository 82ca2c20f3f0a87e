"""HashedEmbeddings: the same everywhere, of length one, and good enough to find by spelling."""

import json
import math
import operator
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import ConfigurationError, HashedEmbeddings

# pyright: reportPrivateUsage=false
_CATALOGUE = Path(__file__).parents[3] / "examples/zava/src/zava/data/catalogue.json"
_TEXT = "Waterproof outdoor paint, größe 5 l"

_small = HashedEmbeddings(dimensions=64)


@given(st.text())
def test_every_vector_has_its_length_and_length_one(text: str) -> None:
    vector = _small._embed(text)
    assert len(vector) == 64
    assert math.isclose(math.sqrt(math.fsum(x * x for x in vector)), 1.0, rel_tol=1e-9)


@pytest.mark.parametrize("text", ["", " ", "?!", "\n", "\ud800", "\0"])
def test_a_text_without_letters_is_the_first_unit_vector(text: str) -> None:
    assert _small._embed(text) == [1.0] + [0.0] * 63


@pytest.mark.parametrize("dimensions", [8, 384, 1_536, 16_000])
async def test_it_has_the_dimensions_that_it_was_asked_for(dimensions: int) -> None:
    provider = HashedEmbeddings(dimensions=dimensions)
    assert provider.dimensions == dimensions
    assert provider.name == f"hashed-v1-{dimensions}"
    assert [len(v) for v in await provider.embed(["paint", ""], kind="query")] == [dimensions] * 2


@pytest.mark.parametrize("dimensions", [-1, 0, 7, 16_001])
def test_other_dimensions_are_refused(dimensions: int) -> None:
    with pytest.raises(ConfigurationError, match="8 to 16000"):
        HashedEmbeddings(dimensions=dimensions)


def test_another_process_makes_the_same_vector() -> None:
    code = (
        "import sys; from mcpdb import HashedEmbeddings;"
        "print(HashedEmbeddings(dimensions=64)._embed(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONIOENCODING": "utf-8"}
    printed = subprocess.run(
        [sys.executable, "-c", code, _TEXT],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
    ).stdout
    assert json.loads(printed) == _small._embed(_TEXT)


def test_the_vectors_of_version_1_never_change() -> None:
    # They are stored in databases under the name hashed-v1.
    vector = HashedEmbeddings(dimensions=8)._embed(_TEXT)
    assert vector == pytest.approx([-0.25, -0.25, 0.0, 0.5, 0.25, 0.0, 0.75, 0.0], abs=1e-9)


async def test_many_texts_are_embedded_beside_the_event_loop_and_alike() -> None:
    texts = [_TEXT * 50] * 20
    vectors = await _small.embed(texts, kind="document")
    assert vectors == [_small._embed(_TEXT * 50)] * 20


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Waterproof PAINT", "waterproof paint"),
        ("waterproof, paint!", "waterproof paint"),
        ("ﬁne", "fine"),
        ("STRASSE", "straße"),
    ],
)
def test_case_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert _small._embed(one) == _small._embed(other)


_NAMES = {
    "PAINT & FINISHES": ["Exterior Latex Paint, waterproof", "Outdoor Paint White"],
    "HAND TOOLS": ["Claw Hammer", "Torque Wrench", "Tape Measure", "Hex Key Set"],
    "PLUMBING": ["Kitchen Faucet", "Copper Pipe", "Drain Snake", "Shower Head"],
}


def _catalogue() -> list[tuple[str, str]]:
    """Category and text of each product: of the Zava example where it is there."""
    if not _CATALOGUE.exists():
        return [(category, name) for category, names in _NAMES.items() for name in names]
    products = json.loads(_CATALOGUE.read_text(encoding="utf-8"))
    return [(p["category"], f"{p['name']} {p['description']}") for p in products]


@pytest.mark.parametrize("dimensions", [384, 1_536])
async def test_a_question_finds_what_is_spelled_alike(dimensions: int) -> None:
    provider = HashedEmbeddings(dimensions=dimensions)
    catalogue = _catalogue()
    documents = await provider.embed([text for _, text in catalogue], kind="document")
    for question, category, at_least in (
        ("waterproof outdoor paint", "PAINT & FINISHES", 2),
        ("torque wrench", "HAND TOOLS", 1),
        ("kitchen faucet", "PLUMBING", 1),
    ):
        (asked,) = await provider.embed([question], kind="query")
        nearest = sorted(
            zip(documents, catalogue, strict=True),
            key=lambda pair: -sum(map(operator.mul, asked, pair[0])),  # used at once
        )[:10]
        assert sum(found == category for _, (found, _) in nearest) >= at_least
