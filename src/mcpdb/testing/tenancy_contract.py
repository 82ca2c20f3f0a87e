"""The contract of `TenancyProvider` as tests."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, TypeVar

import pytest

from mcpdb.errors import TenantError
from mcpdb.request import Principal, Request, Tenant
from mcpdb.tenancy.base import TenancyProvider

T = TypeVar("T")

Known = Sequence[tuple[Request, Tenant]]

_SHORTEST_TOLD = 4  # a shorter value may stand in a sentence by chance
_ROUNDS = 20


class TenancyContract:
    """What every tenancy provider must hold. Subclass it with two fixtures:

        class TestMyTenancy(TenancyContract):
            @pytest.fixture
            def provider(self) -> TenancyProvider: ...     # made, not opened: the suite opens it

            @pytest.fixture
            def known(self) -> Known: ...                  # requests, and the tenant of each

    and, where it can tell more callers apart, with `strangers`: requests that must be refused.

    Attributes:
        identifies: False for a provider that gives every caller the same tenant. The suite then
            leaves out what is about callers that nobody knows.
    """

    identifies: ClassVar[bool] = True

    @pytest.fixture
    def strangers(self) -> Sequence[Request]:
        """Requests that the provider must refuse, besides those without any identity."""
        return ()

    def test_the_suite_knows_callers_of_different_tenants(self, known: Known) -> None:
        fewest = 2 if self.identifies else 1
        assert len({tenant for _, tenant in known}) >= fewest, (
            f"Give the fixture `known` requests of {fewest} tenants: fewer prove nothing."
        )

    def test_a_known_caller_gets_its_tenant(self, provider: TenancyProvider, known: Known) -> None:
        async def check() -> None:
            for request, tenant in known:
                assert await provider.resolve(request) == tenant
                assert await provider.resolve(request) == tenant, "The second time it was another."

        _opened(provider, check)

    def test_who_is_not_identified_is_refused(
        self, provider: TenancyProvider, known: Known, strangers: Sequence[Request]
    ) -> None:
        async def check() -> None:
            for request in self._strangers(known, strangers):
                await _refusal(provider, request)

        _opened(provider, check)

    def test_a_refusal_repeats_nothing_of_the_request(
        self, provider: TenancyProvider, known: Known, strangers: Sequence[Request]
    ) -> None:
        async def check() -> None:
            for request in self._strangers(known, strangers):
                said = str(await _refusal(provider, request))
                for value in _values(request):
                    assert value not in said, "The refusal repeats a value of the request."

        _opened(provider, check)

    def test_neither_tool_nor_arguments_choose_the_tenant(
        self, provider: TenancyProvider, known: Known
    ) -> None:
        ids = sorted({tenant_id for _, tenant in known for tenant_id in tenant.ids} | {"*"})
        names = ("tenant", "tenant_id", "tenants", "id", "all", "user", "sub", "x-tenant")

        async def check() -> None:
            for request, tenant in known:
                for tenant_id in ids:
                    asked = dataclasses.replace(
                        request, tool=tenant_id, arguments=dict.fromkeys(names, tenant_id)
                    )
                    assert await provider.resolve(asked) == tenant, (
                        "What a model sends has chosen the tenant."
                    )

        _opened(provider, check)

    def test_callers_at_once_do_not_mix(
        self, provider: TenancyProvider, known: Known, strangers: Sequence[Request]
    ) -> None:
        refused = self._strangers(known, strangers)

        async def outcome(request: Request) -> Tenant | None:
            try:
                return await provider.resolve(request)
            except TenantError:
                return None

        async def check() -> None:
            wanted: list[tuple[Request, Tenant | None]] = [*known, *((r, None) for r in refused)]
            wanted *= _ROUNDS
            found = await asyncio.gather(*(outcome(request) for request, _ in wanted))
            assert found == [tenant for _, tenant in wanted], "A caller got another one's tenant."

        _opened(provider, check)

    def test_it_works_again_after_it_was_closed(
        self, provider: TenancyProvider, known: Known
    ) -> None:
        async def check() -> None:
            for request, tenant in known:
                assert await provider.resolve(request) == tenant

        async def twice() -> None:
            await provider.close()
            await provider.open()
            await check()

        _opened(provider, check)
        _opened(provider, twice)

    def _strangers(self, known: Known, strangers: Sequence[Request]) -> list[Request]:
        return [*(_nobody(known) if self.identifies else ()), *strangers]


def _nobody(known: Known) -> list[Request]:
    """Requests without any identity."""
    bare = Request(tool="tool", arguments={})
    peers = [dataclasses.replace(bare, peer=peer) for peer in ("127.0.0.1", "::1", "192.0.2.7")]
    headers = [dataclasses.replace(bare, headers={"host": "localhost"}, peer="127.0.0.1")]
    # A principal without a subject is anonymous, whatever claims came with it.
    claims = [
        dataclasses.replace(request, principal=dataclasses.replace(request.principal, subject=None))
        for request, _ in known
        if request.principal.subject is not None
    ]
    return [bare, *peers, *headers, *claims]


def _values(request: Request) -> list[str]:
    principal: Principal = request.principal
    values = [*request.headers.values(), *map(str, principal.claims.values()), principal.subject]
    return [value for value in values if value and len(value) >= _SHORTEST_TOLD]


async def _refusal(provider: TenancyProvider, request: Request) -> TenantError:
    try:
        tenant = await provider.resolve(request)
    except TenantError as error:
        return error
    msg = f"Instead of raising TenantError, the provider returned {tenant}."
    raise AssertionError(msg)


def _opened(provider: TenancyProvider, check: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await provider.open()
        try:
            await check()
        finally:
            await provider.close()

    asyncio.run(run())
