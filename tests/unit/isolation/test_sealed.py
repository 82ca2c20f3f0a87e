"""Sealed: what it sends for a tenant, and that it never says the key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from mcpdb import ConfigurationError, Tenant, TenantError
from mcpdb.isolation import Backend, Sealed
from mcpdb.isolation.key import EnterKey

_KEY = "mcpdb-key-7-" + "QmFzZTY0" * 5 + "QmE"
_IDS = st.frozensets(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
    | st.text("0123456789:*'\"\\", min_size=1, max_size=8),
    min_size=1,
    max_size=5,
)
_BACKENDS = st.builds(Backend, database=st.just("shop"), pid=st.none() | st.integers(1, 99_999))


@given(ids=_IDS, backend=_BACKENDS, now=st.floats(0, 4e9))
def test_what_is_sent_is_the_tenant_and_its_proof(
    ids: frozenset[str], backend: Backend, now: float
) -> None:
    tenant = Tenant.of(*ids)
    sent: dict[str, Any] = dict(Sealed(key=_KEY, clock=lambda: now).parameters(tenant, backend))
    assert sent["mcpdb_tenant"] == tenant.text
    assert sent["mcpdb_backend"] == backend.pid
    assert sent["mcpdb_key_number"] == 7
    life_us = sent["mcpdb_expires_us"] - now * 1_000_000
    assert 0 < life_us <= 10_000_000
    assert sent["mcpdb_token"] == EnterKey.parse(_KEY).token(
        tenant.text, backend=backend, expires_us=sent["mcpdb_expires_us"]
    )


@given(one=_IDS, other=_IDS, backend=_BACKENDS)
def test_different_tenants_are_sent_differently(
    one: frozenset[str], other: frozenset[str], backend: Backend
) -> None:
    sealed = Sealed(key=_KEY, clock=lambda: 1_000.0)
    sent = [sealed.parameters(Tenant.of(*ids), backend) for ids in (one, other)]
    assert (sent[0] == sent[1]) == (one == other)
    assert (sent[0]["mcpdb_token"] == sent[1]["mcpdb_token"]) == (one == other)
    assert sent[0]["mcpdb_tenant"] != sealed.parameters(Tenant.all(), backend)["mcpdb_tenant"]


def test_the_clock_is_read_for_each_transaction() -> None:
    times = iter([10.0, 20.0])
    sealed = Sealed(key=_KEY, clock=lambda: next(times))
    backend = Backend(database="shop", pid=1)
    one, other = (sealed.parameters(Tenant.of("a"), backend) for _ in range(2))
    assert other["mcpdb_expires_us"] - one["mcpdb_expires_us"] == 10_000_000
    assert one["mcpdb_token"] != other["mcpdb_token"]


def test_no_value_stands_in_the_statement() -> None:
    statement = select(*Sealed(key=_KEY).expressions())
    compiled = statement.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    assert str(compiled).startswith("SELECT mcpdb.enter(")
    assert set(compiled.params.values()) == {None}
    backend = Backend(database="shop", pid=1)
    sent = Sealed(key=_KEY).parameters(Tenant.of("a"), backend)
    assert set(compiled.params) == set(sent)


def test_a_tenant_that_the_database_would_refuse_is_not_sent() -> None:
    backend = Backend(database="shop", pid=1)
    tenant = Tenant.of(*(f"{n}{'ä' * 9_000}" for n in range(4)))
    with pytest.raises(TenantError, match="longer than") as refusal:
        Sealed(key=_KEY).parameters(tenant, backend)
    assert "ä" not in str(refusal.value)


def test_a_tenant_with_a_nul_is_none() -> None:
    with pytest.raises(TenantError):
        Tenant.of("a\0b")


def test_neither_it_nor_its_refusal_shows_the_key() -> None:
    secret = _KEY[-43:]
    for shown in (repr(Sealed(key=_KEY)), str(Sealed(key=_KEY))):
        assert secret not in shown
        assert EnterKey.parse(_KEY).secret.hex() not in shown
    with pytest.raises(ConfigurationError) as refusal:
        Sealed(key=f"{_KEY}x")
    assert secret not in f"{refusal.value} {refusal.value!r}"


def test_what_it_accepts_is_a_list_of_codes() -> None:
    with pytest.raises(ConfigurationError, match="list of codes"):
        Sealed(key=_KEY, accept="table_without_rls")
