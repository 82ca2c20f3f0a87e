"""The contract of `EmbeddingProvider` as tests."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest

from mcpdb.embeddings.base import EmbeddingKind, EmbeddingProvider, Vector
from mcpdb.errors import EmbeddingsUnavailable

_SAME = 0.999  # the cosine of one text with itself: services compute in single precision
_BLOCKED_S = 0.5
_TEXTS = (
    "Exterior paint that keeps water out",
    "",
    " \n\t",
    "größe £5 中文 \U0001f3a8",
    "?!",
    "a" * 3_000,
    "Claw hammer with a fiberglass handle",
)
_KINDS: tuple[EmbeddingKind, ...] = ("query", "document")


class EmbeddingsContract:
    """What every embedding provider must hold. Subclass it with one fixture:

        class TestMyEmbeddings(EmbeddingsContract):
            @pytest.fixture
            def provider(self) -> EmbeddingProvider: ...   # made, not opened: the suite opens it

    and, where it depends on a service, with `broken`: a provider whose service cannot be reached.

    Attributes:
        alike: A question, a document that answers it, and one that does not.
    """

    alike: ClassVar[tuple[str, str, str]] = (
        "waterproof outdoor paint",
        "Exterior paint, waterproof, for outdoor walls",
        "Claw hammer with a fiberglass handle",
    )

    @pytest.fixture
    def broken(self) -> EmbeddingProvider | None:
        """A provider whose service cannot be reached, or None where there is no service."""
        return None

    def test_it_says_what_it_makes(self, provider: EmbeddingProvider) -> None:
        assert provider.name, "Vectors of different models are told apart by `name`."
        assert provider.dimensions >= 1
        assert provider.max_batch >= 1

    @pytest.mark.parametrize("kind", _KINDS)
    def test_every_text_has_a_vector_of_the_length_it_says(
        self, provider: EmbeddingProvider, kind: EmbeddingKind
    ) -> None:
        async def check() -> None:
            vectors = await provider.embed(_TEXTS, kind=kind)  # raises where one is not right
            assert len(vectors) == len(_TEXTS)
            for text, vector in zip(_TEXTS, vectors, strict=True):
                assert any(vector), f"{text[:40]!r} has a zero vector, which has no cosine."

        _opened(provider, check)

    def test_no_texts_have_no_vectors(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            assert await provider.embed([], kind="query") == []

        _opened(provider, check)

    def test_vectors_come_in_the_order_of_the_texts(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            together = await provider.embed(_TEXTS, kind="document")
            for text, vector in zip(_TEXTS, together, strict=True):
                (alone,) = await provider.embed([text], kind="document")
                assert cosine(alone, vector) >= _SAME, (
                    "A text alone has another vector than among others."
                )

        _opened(provider, check)

    def test_more_texts_than_a_batch_takes_are_embedded(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            texts = [f"Product number {i}" for i in range(provider.max_batch + 1)]
            vectors = await provider.embed(texts, kind="document")
            assert len(vectors) == len(texts)
            for i in (0, -1):
                (alone,) = await provider.embed([texts[i]], kind="document")
                assert cosine(alone, vectors[i]) >= _SAME, "The batches are out of order."

        _opened(provider, check)

    def test_calls_at_once_do_not_mix(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            texts = [f"{text} {i}" for i in range(5) for text in (self.alike[1], self.alike[2])]
            alone = [await provider.embed([text], kind="query") for text in texts]
            at_once = await asyncio.gather(*(provider.embed([t], kind="query") for t in texts))
            for (one,), (other,) in zip(alone, at_once, strict=True):
                assert cosine(one, other) >= _SAME, "A call got another one's vector."

        _opened(provider, check)

    def test_a_question_is_nearer_to_its_answer(self, provider: EmbeddingProvider) -> None:
        question, near, far = self.alike

        async def check() -> None:
            (asked,) = await provider.embed([question], kind="query")
            answer, other = await provider.embed([near, far], kind="document")
            assert cosine(asked, answer) > cosine(asked, other)

        _opened(provider, check)

    def test_other_tasks_run_while_it_works(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            longest_s = 0.0

            async def others() -> None:
                nonlocal longest_s
                turn = time.monotonic()
                while True:
                    await asyncio.sleep(0)
                    last, turn = turn, time.monotonic()
                    longest_s = max(longest_s, turn - last)

            texts = [f"{text} {i}" for i in range(8) for text in (_TEXTS[0] * 50, _TEXTS[-1] * 50)]
            beside = asyncio.ensure_future(others())
            started = time.monotonic()
            await provider.embed(texts[: provider.max_batch], kind="document")
            took_s = time.monotonic() - started
            await asyncio.sleep(0)
            beside.cancel()
            # By share, not by time alone: on a busy machine everything takes longer.
            is_blocked = took_s > _BLOCKED_S and longest_s > took_s / 2
            assert not is_blocked, "It blocks the event loop while it works."

        _opened(provider, check)

    def test_an_outage_is_weather(self, broken: EmbeddingProvider | None) -> None:
        if broken is None:
            return  # nothing that could be out

        async def check() -> None:
            await broken.embed(["paint"], kind="query")

        with pytest.raises(EmbeddingsUnavailable):
            _opened(broken, check)

    def test_it_works_again_after_it_was_closed(self, provider: EmbeddingProvider) -> None:
        async def check() -> None:
            assert len(await provider.embed(["paint"], kind="query")) == 1

        _opened(provider, check)
        _opened(provider, check)


def cosine(one: Vector, other: Vector) -> float:
    """The cosine of the angle between two vectors of one length, neither of them zero."""
    dot = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))


def _opened(provider: EmbeddingProvider, check: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await provider.open()
        try:
            await check()
        finally:
            await provider.close()

    asyncio.run(run())
