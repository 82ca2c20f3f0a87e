"""Tenant: canonical, never empty, never wider than it was."""

import enum
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import Principal, Request, Tenant, TenantError

# Short ids out of what the canonical text itself is made of find collisions soonest.
_ID = st.one_of(
    st.text("0123456789:*,ab", min_size=1, max_size=6),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
)
_IDS = st.frozensets(_ID, min_size=1, max_size=5)


def _decoded(text: str) -> frozenset[str]:
    ids: set[str] = set()
    octets = text.encode()
    while octets:
        length, _, rest = octets.partition(b":")
        ids.add(rest[: int(length)].decode())
        octets = rest[int(length) :]
    return frozenset(ids)


@given(ids=_IDS)
def test_the_canonical_text_reads_back_as_the_ids(ids: frozenset[str]) -> None:
    tenant = Tenant.of(*ids)
    assert _decoded(tenant.text) == ids == tenant.ids


@given(one=_IDS, other=_IDS)
def test_different_tenants_have_different_texts(one: frozenset[str], other: frozenset[str]) -> None:
    assert (Tenant.of(*one).text == Tenant.of(*other).text) == (one == other)
    assert Tenant.of(*one).text != Tenant.all().text


@given(ids=st.lists(_ID, min_size=1, max_size=5), data=st.data())
def test_neither_order_nor_repetition_makes_another_tenant(
    ids: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(ids + ids[:1]))
    assert Tenant.of(*ids) == Tenant.of(*shuffled)
    assert Tenant.of(*ids).text == Tenant.of(*shuffled).text
    assert hash(Tenant.of(*ids)) == hash(Tenant.of(*shuffled))


def test_an_id_that_looks_like_all_is_only_an_id() -> None:
    assert not Tenant.of("*").is_all
    assert Tenant.of("*").text == "1:*"
    assert Tenant.all().text == "*"


@given(mine=_IDS, data=st.data())
def test_narrowing_never_widens(mine: frozenset[str], data: st.DataObject) -> None:
    some_of_mine = st.sampled_from(sorted(mine))
    asked = data.draw(st.frozensets(some_of_mine | _ID, min_size=1, max_size=5))
    tenant = Tenant.of(*mine)
    if asked <= mine:
        assert tenant.narrow(asked).ids == asked
    else:
        with pytest.raises(TenantError) as refusal:
            tenant.narrow(asked)
        # Always the same words: none of the ids is in them.
        words = "The request asks for a tenant outside what the caller may see."
        assert refusal.value.message == words


@given(ids=_IDS)
def test_all_narrows_to_ids_and_never_back_to_all(ids: frozenset[str]) -> None:
    narrowed = Tenant.all().narrow(ids)
    assert narrowed.ids == ids
    assert not narrowed.is_all


@pytest.mark.parametrize("tenant", [Tenant.of("north"), Tenant.all()])
def test_narrowing_to_nobody_is_refused(tenant: Tenant) -> None:
    with pytest.raises(TenantError):
        tenant.narrow([])


@pytest.mark.parametrize("tenant", [Tenant.of(*"north"), Tenant.all()])
def test_narrowing_to_a_text_is_not_narrowing_to_its_letters(tenant: Tenant) -> None:
    with pytest.raises(TenantError):
        tenant.narrow("north")


@pytest.mark.parametrize(
    "tenant_id",
    ["", "a\0b", "\0", "\ud800", "x\udfff", "a" * 10_001, None, 7, True, b"north", ["north"], {}],
    ids=lambda value: ascii(value)[:12],
)
def test_what_cannot_be_an_id_is_refused(tenant_id: object) -> None:
    with pytest.raises(TenantError):
        Tenant.of(cast("str", tenant_id))
    with pytest.raises(TenantError):
        Tenant.of("north", cast("str", tenant_id))
    with pytest.raises(TenantError):
        Tenant.all().narrow([cast("str", tenant_id)])


def test_the_longest_id_is_accepted() -> None:
    assert Tenant.of("a" * 10_000).text == "10000:" + "a" * 10_000


def test_there_is_no_empty_tenant() -> None:
    with pytest.raises(TenantError):
        Tenant.of()
    with pytest.raises(TenantError):
        Tenant(frozenset())


@pytest.mark.parametrize(
    ("ids", "is_all"),
    [
        (frozenset({"north"}), True),
        (frozenset({"north"}), 2),
        (frozenset[str](), "no"),
        (frozenset[str](), 1),
        ("north", False),
        ({"north"}, False),
        (["north"], False),
        (None, False),
    ],
)
def test_only_a_frozenset_of_ids_or_a_real_true_makes_a_tenant(ids: Any, is_all: Any) -> None:
    with pytest.raises(TenantError):
        Tenant(ids, is_all=is_all)


def test_a_member_of_a_text_enum_is_the_id_of_its_value() -> None:
    class Store(str, enum.Enum):  # noqa: UP042  # as older code has them
        NORTH = "north"

    tenant = Tenant.of(Store.NORTH)
    assert tenant.text == "5:north"
    assert tenant == Tenant.of("north")
    assert {type(tenant_id) for tenant_id in tenant.ids} == {str}


def test_a_request_hides_headers_and_claims_from_logs() -> None:
    principal = Principal(subject="ann", claims={"token": "s3cret"})
    request = Request(tool="t", arguments={}, principal=principal, headers={"cookie": "s3cret"})
    assert "s3cret" not in repr(request)


def test_a_request_is_anonymous_unless_somebody_was_verified() -> None:
    assert Request(tool="t", arguments={}).principal == Principal()
    assert Principal().subject is None
