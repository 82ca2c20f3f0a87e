"""HeaderTenancy: only from this machine, only one well-formed id."""

import pytest

from mcpdb import ConfigurationError, HeaderTenancy, Request, Tenant, TenantError


def _request(peer: str | None = "127.0.0.1", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(tool="t", arguments={}, headers=named, peer=peer)


@pytest.fixture
def tenancy() -> HeaderTenancy:
    return HeaderTenancy(header="X-Tenant", all_value="*")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_a_client_on_this_machine_names_its_tenant(tenancy: HeaderTenancy, peer: str) -> None:
    assert await tenancy.resolve(_request(peer, x_tenant="north")) == Tenant.of("north")


@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "192.0.2.7", "2001:db8::1", "::ffff:10.0.0.1", "localhost", "", "0.0.0.0"]
)
async def test_a_client_elsewhere_is_refused(tenancy: HeaderTenancy, peer: str) -> None:
    with pytest.raises(TenantError, match="this machine"):
        await tenancy.resolve(_request(peer, x_tenant="north"))


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
    ],
)
async def test_a_proxy_on_this_machine_does_not_make_its_clients_local(
    tenancy: HeaderTenancy, header: str
) -> None:
    request = Request(
        tool="t", arguments={}, headers={"x-tenant": "north", header: ""}, peer="127.0.0.1"
    )
    with pytest.raises(TenantError, match="this machine"):
        await tenancy.resolve(request)


async def test_there_is_no_header_over_stdio(tenancy: HeaderTenancy) -> None:
    with pytest.raises(TenantError, match="HTTP request") as refusal:
        await tenancy.resolve(_request(None, x_tenant="north"))
    assert "FixedTenancy" in refusal.value.hint


@pytest.mark.parametrize("headers", [{}, {"x_tenant": ""}, {"x_tenant": "  "}])
async def test_a_missing_header_is_no_tenant(
    tenancy: HeaderTenancy, headers: dict[str, str]
) -> None:
    with pytest.raises(TenantError, match="x-tenant is missing"):
        await tenancy.resolve(_request(**headers))


@pytest.mark.parametrize(
    "value",
    [
        "north,south",
        "north south",
        "'north'",
        "no\nrth",
        "no\0rth",
        "n" * 201,
        "**",
        "a*",
        "%",
        "ü;",
    ],
)
async def test_a_malformed_id_is_refused_and_not_repeated(
    tenancy: HeaderTenancy, value: str
) -> None:
    with pytest.raises(TenantError, match="expected form") as refusal:
        await tenancy.resolve(_request(x_tenant=value))
    assert value not in str(refusal.value)


async def test_blanks_around_the_id_are_the_transports(tenancy: HeaderTenancy) -> None:
    assert await tenancy.resolve(_request(x_tenant=" north ")) == Tenant.of("north")


async def test_all_takes_exactly_its_value(tenancy: HeaderTenancy) -> None:
    assert await tenancy.resolve(_request(x_tenant="*")) == Tenant.all()


async def test_no_value_means_all_unless_one_is_named() -> None:
    tenancy = HeaderTenancy(header="x-tenant", pattern=r".+")
    assert await tenancy.resolve(_request(x_tenant="*")) == Tenant.of("*")


async def test_an_id_matches_the_pattern_as_a_whole() -> None:
    tenancy = HeaderTenancy(header="x-tenant", pattern=r"\d+")
    assert await tenancy.resolve(_request(x_tenant="42")) == Tenant.of("42")
    for value in ("42x", "x42", "4 2"):
        with pytest.raises(TenantError):
            await tenancy.resolve(_request(x_tenant=value))


async def test_other_headers_and_arguments_name_nobody(tenancy: HeaderTenancy) -> None:
    request = Request(
        tool="t",
        arguments={"x-tenant": "south", "tenant": "south"},
        headers={"x-tenant": "north", "tenant": "south"},
        peer="127.0.0.1",
    )
    assert await tenancy.resolve(request) == Tenant.of("north")


@pytest.mark.parametrize(
    ("header", "pattern", "all_value"),
    [
        ("", r"\w+", None),
        ("x tenant", r"\w+", None),
        ("x-tenant:", r"\w+", None),
        ("x-tenant", "(", None),
        ("x-tenant", r"\w+", ""),
        ("x-tenant", r"\w+", " * "),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    header: str, pattern: str, all_value: str | None
) -> None:
    with pytest.raises(ConfigurationError):
        HeaderTenancy(header=header, pattern=pattern, all_value=all_value)


def test_it_warns_at_every_start() -> None:
    assert "development" in HeaderTenancy.development_warning
