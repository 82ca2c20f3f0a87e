"""No tenant without a token, and no seal but the database's own: each forgery has its SQLSTATE."""

import time
from typing import Any, Final

import asyncpg
import pytest

from isolation.walled import (
    NORTH,
    SOUTH,
    Connection,
    Walled,
    connected,
    enter,
    entered,
    rolled_back,
    seal,
    seen,
    token,
    truth,
)
from mcpdb import Tenant
from mcpdb.isolation import Backend, Sealed
from mcpdb.isolation.key import EnterKey

REFUSED: Final = "MD001"
CLOCK: Final = "MD002"
TWICE: Final = "MD003"
NOBODY: Final = "42501"

_NORTH: Final = Tenant.of(NORTH)
_SOUTH: Final = Tenant.of(SOUTH)
_OTHER_KEY: Final = "mcpdb-key-1-" + "A" * 43


async def _refused(connection: Connection, state: str, parameters: dict[str, Any]) -> None:
    """Entering fails with this SQLSTATE, and then nobody is in."""
    async with rolled_back(connection):
        with pytest.raises(asyncpg.PostgresError) as refusal:
            async with connection.transaction():
                await enter(connection, parameters)
        assert refusal.value.sqlstate == state
        assert NORTH not in str(refusal.value)
        assert SOUTH not in str(refusal.value)
        await _nobody(connection)


async def _nobody(connection: Connection) -> None:
    """No row is to be had in this transaction."""
    for query in ("SELECT * FROM shop.orders", "SELECT count(*) FROM shop.products"):
        with pytest.raises(asyncpg.PostgresError) as refusal:
            async with connection.transaction():
                await connection.fetch(query)
        assert refusal.value.sqlstate == NOBODY


async def _is(connection: Connection, superuser: Connection, *ids: str) -> None:
    assert await seen(connection, "shop.orders") == await truth(superuser, "shop.orders", ids)


async def _set(connection: Connection, value: str | None) -> None:
    await connection.execute("SELECT set_config('mcpdb.ctx', $1, true)", value)


async def test_a_token_of_random_bytes_is_refused(walled: Walled, app: Connection) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    for forged in (bytes(32), b"\xff" * 32, b"", b"x", parameters["mcpdb_token"] + b"\0"):
        await _refused(app, REFUSED, parameters | {"mcpdb_token": forged})


async def test_a_token_with_one_bit_changed_is_refused(walled: Walled, app: Connection) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    for place in (0, 7, 128, 255):
        mac = int.from_bytes(parameters["mcpdb_token"]) ^ (1 << place)
        await _refused(app, REFUSED, parameters | {"mcpdb_token": mac.to_bytes(32)})


async def test_a_token_of_another_key_is_refused(walled: Walled, app: Connection) -> None:
    await _refused(app, REFUSED, token(Sealed(key=_OTHER_KEY), _NORTH, app, walled.name))


@pytest.mark.parametrize("number", [0, -1, 2, 2_147_483_647, None])
async def test_a_token_with_another_number_of_a_key_is_refused(
    walled: Walled, app: Connection, number: int | None
) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    await _refused(app, REFUSED, parameters | {"mcpdb_key_number": number})


async def test_a_token_does_not_let_another_tenant_in(walled: Walled, app: Connection) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    for text in (_SOUTH.text, "*", NORTH, "", _NORTH.text + _SOUTH.text, _NORTH.text + " "):
        await _refused(app, REFUSED, parameters | {"mcpdb_tenant": text})


@pytest.mark.parametrize("change", [1, -1, 5_000_000, 10**12])
async def test_a_token_does_not_live_longer_than_it_says(
    walled: Walled, app: Connection, change: int
) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    parameters["mcpdb_expires_us"] += change
    await _refused(app, REFUSED, parameters)


async def test_a_token_of_another_backend_is_refused(
    walled: Walled, app: Connection, other: Connection
) -> None:
    parameters = token(walled.sealed(), _NORTH, other, walled.name)
    await _refused(app, REFUSED, parameters)
    await _refused(app, REFUSED, parameters | {"mcpdb_backend": app.get_server_pid()})
    await _refused(app, REFUSED, parameters | {"mcpdb_backend": None})


async def test_a_token_of_no_backend_is_not_one_of_this_backend(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    backend = Backend(database=walled.name, pid=None)
    parameters = dict(walled.sealed().parameters(_NORTH, backend))
    await _refused(app, REFUSED, parameters | {"mcpdb_backend": app.get_server_pid()})
    async with rolled_back(app):  # as behind a pooler
        await enter(app, parameters)
        await _is(app, superuser, NORTH)


async def test_a_token_of_a_clone_with_the_same_keys_is_refused(
    walled: Walled, own_walled: Walled, app: Connection, superuser: Connection
) -> None:
    await _refused(app, REFUSED, token(walled.sealed(), _NORTH, app, own_walled.name))
    async with connected(own_walled.dsn()) as there:
        await _refused(there, REFUSED, token(walled.sealed(), _NORTH, there, walled.name))
        async with entered(own_walled, there, NORTH):  # its keys are indeed the same
            await _is(there, superuser, NORTH)


@pytest.mark.parametrize("field", ["tenant", "expires_us", "key_number", "token"])
async def test_null_is_refused(walled: Walled, app: Connection, field: str) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    await _refused(app, REFUSED, parameters | {f"mcpdb_{field}": None})


async def test_a_token_that_has_expired_is_refused(walled: Walled, app: Connection) -> None:
    for late_s in (5.5, 60, 86_400):
        sealed = walled.sealed(clock=lambda late_s=late_s: time.time() - late_s)
        await _refused(app, CLOCK, token(sealed, _NORTH, app, walled.name))


async def test_a_token_from_the_future_is_refused(walled: Walled, app: Connection) -> None:
    for early_s in (6, 60, 10**9):
        sealed = walled.sealed(clock=lambda early_s=early_s: time.time() + early_s)
        await _refused(app, CLOCK, token(sealed, _NORTH, app, walled.name))


@pytest.mark.parametrize("skew_s", [-3, 3])
async def test_clocks_may_differ_by_seconds(
    walled: Walled, app: Connection, superuser: Connection, skew_s: float
) -> None:
    sealed = walled.sealed(clock=lambda: time.time() + skew_s)
    async with entered(walled, app, NORTH, sealed=sealed):
        await _is(app, superuser, NORTH)


async def test_a_tenant_of_too_many_bytes_is_refused(walled: Walled, app: Connection) -> None:
    sealed = walled.sealed()
    tenant = Tenant.of(*(f"{n:04}" + "x" * 9_000 for n in range(7)))
    backend = Backend(database=walled.name, pid=app.get_server_pid())
    parameters = dict(sealed.parameters(tenant, backend))
    async with rolled_back(app):
        await enter(app, parameters)  # below the bound
    text = Tenant.of(*(f"{n:04}" + "x" * 9_000 for n in range(8))).text
    mac = EnterKey.parse(walled.key).token(
        text, backend=backend, expires_us=parameters["mcpdb_expires_us"]
    )
    await _refused(app, REFUSED, parameters | {"mcpdb_tenant": text, "mcpdb_token": mac})


@pytest.mark.parametrize("again", [NORTH, SOUTH])
async def test_a_transaction_is_entered_once(
    walled: Walled, app: Connection, superuser: Connection, again: str
) -> None:
    second = token(walled.sealed(), Tenant.of(again), app, walled.name)
    async with entered(walled, app, NORTH):
        with pytest.raises(asyncpg.PostgresError) as refusal:
            async with app.transaction():
                await enter(app, second)
        assert refusal.value.sqlstate == TWICE
        await _is(app, superuser, NORTH)


async def test_a_query_does_not_enter(walled: Walled, app: Connection) -> None:
    parameters = token(walled.sealed(), _NORTH, app, walled.name)
    values = [parameters[f"mcpdb_{n}"] for n in ("tenant", "backend", "expires_us", "key_number")]
    async with entered(walled, app, SOUTH):
        for query in (
            "SELECT mcpdb.enter($1, $2, $3, $4, $5)::text, canary FROM shop.orders",
            "SELECT canary FROM (SELECT mcpdb.enter($1, $2, $3, $4, $5)::text) e, shop.orders",
            "SELECT canary FROM shop.orders WHERE mcpdb.enter($1, $2, $3, $4, $5)::text = ''",
        ):
            with pytest.raises(asyncpg.PostgresError) as refusal:
                async with app.transaction():
                    await app.fetch(query, *values, parameters["mcpdb_token"])
            assert refusal.value.sqlstate == TWICE


@pytest.mark.parametrize("garbage", ["", None, "x", "1:", "*", "0" * 64 + "1:3:101"])
async def test_a_seal_that_is_cleared_or_overwritten_is_nobody(
    walled: Walled, app: Connection, garbage: str | None
) -> None:
    async with entered(walled, app, NORTH):
        await _set(app, garbage)
        await _nobody(app)


async def test_a_reset_seal_is_nobody(walled: Walled, app: Connection) -> None:
    for statement in ("RESET mcpdb.ctx", "RESET ALL", "SET LOCAL mcpdb.ctx TO DEFAULT"):
        async with entered(walled, app, NORTH):
            await app.execute(statement)
            await _nobody(app)


async def test_a_seal_is_not_spliced(walled: Walled, app: Connection) -> None:
    async with entered(walled, app, NORTH):
        own = await seal(app)
        assert own[64:] == f"1:{_NORTH.text}"
        mac = own[:64]
        for forged in (
            f"{mac}1:{_SOUTH.text}",
            f"{mac}1:*",
            f"{mac}1:{_NORTH.text}{_SOUTH.text}",
            f"{mac}1:{_NORTH.text[:-1]}",
            f"{mac}1:",
            f"{mac}1",
            f"{mac}2:{_NORTH.text}",
            f"{mac}01:{_NORTH.text}",
            f"{mac} 1:{_NORTH.text}",
            f"{mac}:1:{_NORTH.text}",
            f"{mac.upper()}1:{_NORTH.text}",
            f" {own}",
            f"{own} ",
            own[1:],
        ):
            await _set(app, forged)
            await _nobody(app)


async def test_a_seal_put_back_is_the_same_tenant(
    walled: Walled, app: Connection, superuser: Connection
) -> None:
    async with entered(walled, app, NORTH):
        own = await seal(app)
        await _set(app, "")
        await _set(app, own)
        await _is(app, superuser, NORTH)


async def test_a_live_seal_is_worth_nothing_on_another_backend(
    walled: Walled, app: Connection, other: Connection, superuser: Connection
) -> None:
    async with entered(walled, app, NORTH), entered(walled, other, SOUTH):
        mine, theirs = await seal(app), await seal(other)
        await _set(app, theirs)
        await _set(other, mine)
        await _nobody(app)
        await _nobody(other)
        await _set(app, mine)
        await _set(other, theirs)
        await _is(app, superuser, NORTH)
        await _is(other, superuser, SOUTH)


@pytest.mark.parametrize("later", [NORTH, SOUTH])
async def test_a_seal_is_worth_nothing_in_a_later_transaction(
    walled: Walled, app: Connection, later: str
) -> None:
    async with entered(walled, app, NORTH):
        old = await seal(app)
    async with rolled_back(app):
        await _set(app, old)
        await _nobody(app)
    async with entered(walled, app, later):
        await _set(app, old)
        await _nobody(app)


async def test_a_seal_of_a_clone_is_worth_nothing(
    walled: Walled, own_walled: Walled, app: Connection
) -> None:
    async with (
        connected(own_walled.dsn()) as there,
        entered(own_walled, there, NORTH),
        entered(walled, app, NORTH),
    ):
        await _set(app, await seal(there))
        await _nobody(app)
