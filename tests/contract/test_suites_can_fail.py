"""The suites turn red on providers that break the contract, each in the test that is about it."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typing_extensions import override

from mcpdb import (
    EmbeddingProvider,
    HashedEmbeddings,
    McpdbError,
    Request,
    TenancyProvider,
    Tenant,
    TenantError,
)
from mcpdb.embeddings import EmbeddingKind
from mcpdb.testing import EmbeddingsContract, TenancyContract

_NORTH = Request(tool="tool", arguments={}, headers={"x-tenant": "north"}, peer="::1")
_SOUTH = Request(tool="tool", arguments={}, headers={"x-tenant": "south"}, peer="::1")
_KNOWN = [(_NORTH, Tenant.of("north")), (_SOUTH, Tenant.of("south"))]
_ODD = Request(tool="tool", arguments={}, headers={"x-tenant": "nobody-at-all"}, peer="::1")


class Right(TenancyProvider):
    """Holds the contract; those below break one part of it each."""

    @override
    async def resolve(self, request: Request) -> Tenant:
        value = request.headers.get("x-tenant", "")
        await asyncio.sleep(0)
        if value not in ("north", "south"):
            msg = "Nobody."
            raise TenantError(msg)
        return Tenant.of(value)


class DefaultsToAll(Right):
    @override
    async def resolve(self, request: Request) -> Tenant:
        try:
            return await super().resolve(request)
        except TenantError:
            return Tenant.all()


class RaisesSomethingElse(Right):
    @override
    async def resolve(self, request: Request) -> Tenant:
        return Tenant.of(request.headers["x-tenant"])


class Repeats(Right):
    @override
    async def resolve(self, request: Request) -> Tenant:
        try:
            return await super().resolve(request)
        except TenantError as error:
            msg = f"There is no {request.headers.get('x-tenant')}."
            raise TenantError(msg) from error


class BelievesTheModel(Right):
    @override
    async def resolve(self, request: Request) -> Tenant:
        asked = request.arguments.get("tenant_id")
        return Tenant.of(str(asked)) if asked else await super().resolve(request)


class Remembers(Right):
    def __init__(self) -> None:
        self._last = _NORTH

    @override
    async def resolve(self, request: Request) -> Tenant:
        self._last = request
        await asyncio.sleep(0)
        return await super().resolve(self._last)


class OpensOnce(Right):
    def __init__(self) -> None:
        self._is_closed = False

    @override
    async def resolve(self, request: Request) -> Tenant:
        if self._is_closed:
            msg = "Closed."
            raise TenantError(msg)
        return await super().resolve(request)

    @override
    async def close(self) -> None:
        self._is_closed = True


_TENANCY: list[tuple[type[TenancyProvider], str]] = [
    (DefaultsToAll, "test_who_is_not_identified_is_refused"),
    (RaisesSomethingElse, "test_who_is_not_identified_is_refused"),
    (Repeats, "test_a_refusal_repeats_nothing_of_the_request"),
    (BelievesTheModel, "test_neither_tool_nor_arguments_choose_the_tenant"),
    (Remembers, "test_callers_at_once_do_not_mix"),
    (OpensOnce, "test_it_works_again_after_it_was_closed"),
]


def _tenancy(provider: TenancyProvider, name: str) -> None:
    test: Callable[..., None] = getattr(TenancyContract(), name)
    arguments: dict[str, Any] = {"provider": provider, "known": _KNOWN, "strangers": [_ODD]}
    wanted = test.__code__.co_varnames[1 : test.__code__.co_argcount]
    test(**{name: arguments[name] for name in wanted})


@pytest.mark.parametrize(("kind", "name"), _TENANCY)
def test_a_wrong_tenancy_fails_where_it_is_wrong(kind: type[TenancyProvider], name: str) -> None:
    _tenancy(Right(), name)
    with pytest.raises((AssertionError, KeyError, McpdbError)):
        _tenancy(kind(), name)


def test_a_suite_of_one_tenant_proves_nothing() -> None:
    TenancyContract().test_the_suite_knows_callers_of_different_tenants(_KNOWN)
    with pytest.raises(AssertionError, match="fewer prove nothing"):
        TenancyContract().test_the_suite_knows_callers_of_different_tenants(_KNOWN[:1])


class Wrong(HashedEmbeddings):
    """Breaks one part of the contract of embeddings, named when it is made."""

    def __init__(self, fault: str) -> None:
        super().__init__(dimensions=64)
        self._fault = fault
        self._opened = 0
        self._count = 0
        if fault == "nameless":
            self.name = ""

    @override
    async def open(self) -> None:
        self._opened += 1

    @override
    async def embed_batch(
        self, texts: Sequence[str], *, kind: EmbeddingKind
    ) -> list[Sequence[float]]:
        vectors = await super().embed_batch(texts, kind=kind)
        wrong: dict[str, Callable[[], list[Sequence[float]]]] = {
            "zero": lambda: [
                [0.0] * 64 if not text else v for text, v in zip(texts, vectors, strict=True)
            ],
            "short": lambda: [vector[:-1] for vector in vectors],
            "few": lambda: vectors[:-1],
            "infinite": lambda: [[math.inf, *vector[1:]] for vector in vectors],
            "disorder": lambda: vectors[::-1],
            "opposite": lambda: [[-x for x in v] if kind == "query" else v for v in vectors],
            "once": lambda: vectors if self._opened < 2 else vectors[:-1],
            "changing": lambda: [self._turned(vector) for vector in vectors],
            "blocking": lambda: self._slowly(vectors),
        }
        return wrong.get(self._fault, lambda: vectors)()

    def _turned(self, vector: Sequence[float]) -> Sequence[float]:
        self._count += 1
        return [*vector[self._count % 64 :], *vector[: self._count % 64]]

    @staticmethod
    def _slowly(vectors: list[Sequence[float]]) -> list[Sequence[float]]:
        time.sleep(0.6)
        return vectors


_EMBEDDINGS = [
    ("nameless", "test_it_says_what_it_makes"),
    ("zero", "test_every_text_has_a_vector_of_the_length_it_says"),
    ("short", "test_every_text_has_a_vector_of_the_length_it_says"),
    ("few", "test_every_text_has_a_vector_of_the_length_it_says"),
    ("infinite", "test_every_text_has_a_vector_of_the_length_it_says"),
    ("disorder", "test_vectors_come_in_the_order_of_the_texts"),
    ("disorder", "test_more_texts_than_a_batch_takes_are_embedded"),
    ("changing", "test_calls_at_once_do_not_mix"),
    ("opposite", "test_a_question_is_nearer_to_its_answer"),
    ("once", "test_it_works_again_after_it_was_closed"),
    ("blocking", "test_other_tasks_run_while_it_works"),
]


def _embeddings(provider: EmbeddingProvider, name: str) -> None:
    test: Callable[..., None] = getattr(EmbeddingsContract(), name)
    options: dict[str, Any] = {"kind": "document"} if "every_text" in name else {}
    test(provider, **options)


@pytest.mark.parametrize(("fault", "name"), _EMBEDDINGS)
def test_wrong_embeddings_fail_where_they_are_wrong(fault: str, name: str) -> None:
    _embeddings(Wrong("nothing"), name)
    with pytest.raises((AssertionError, McpdbError)):
        _embeddings(Wrong(fault), name)


def test_an_outage_that_does_not_say_so_fails() -> None:
    with pytest.raises(pytest.fail.Exception):
        EmbeddingsContract().test_an_outage_is_weather(Wrong("nothing"))
