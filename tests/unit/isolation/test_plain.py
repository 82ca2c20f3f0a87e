"""PlainSetting: no tenant can be made to read as another one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from mcpdb import Backend, ConfigurationError, PlainSetting, Tenant, TenantError

_BACKEND = Backend(database="shop", pid=1)
_IDS = st.frozensets(st.text("ab:,*|", min_size=1, max_size=4), min_size=1, max_size=4)


def _value(isolation: PlainSetting, tenant: Tenant) -> str:
    (value,) = isolation.parameters(tenant, _BACKEND).values()
    return str(value)


@given(ids=_IDS, separator=st.text("ab:,|", min_size=1, max_size=3))
@example(ids=frozenset({"a:", "b"}), separator="::")
def test_the_value_splits_into_exactly_the_tenants_ids(ids: frozenset[str], separator: str) -> None:
    isolation = PlainSetting(setting="app.tenant", separator=separator)
    try:
        value = _value(isolation, Tenant.of(*ids))
    except TenantError:
        # Refused is safe; an id that shares no character with the separator never is.
        assert any(set(tenant_id) & set(separator) for tenant_id in ids)
    else:
        assert set(value.split(separator)) == ids


@given(ids=_IDS, all_value=st.text("ab:,*|", min_size=1, max_size=4))
def test_no_set_of_ids_reads_as_all(ids: frozenset[str], all_value: str) -> None:
    try:
        isolation = PlainSetting(setting="app.tenant", separator=",", all_value=all_value)
        value = _value(isolation, Tenant.of(*ids))
    except (ConfigurationError, TenantError):
        return
    assert value != all_value


def test_all_is_the_configured_value() -> None:
    isolation = PlainSetting(setting="app.tenant", all_value="*")
    assert _value(isolation, Tenant.all()) == "*"


def test_all_is_refused_where_no_value_means_it() -> None:
    with pytest.raises(TenantError, match="sees all"):
        PlainSetting(setting="app.tenant").parameters(Tenant.all(), _BACKEND)


@pytest.mark.parametrize("tenant", [Tenant.of("*"), Tenant.of("a,b"), Tenant.of("a", "b,*")])
def test_an_id_that_would_read_as_others_is_refused(tenant: Tenant) -> None:
    with pytest.raises(TenantError) as refusal:
        PlainSetting(setting="app.tenant", all_value="*").parameters(tenant, _BACKEND)
    assert "a,b" not in str(refusal.value)


def test_the_setting_ends_with_the_transaction_and_the_id_is_a_parameter() -> None:
    isolation = PlainSetting(setting="app.tenant")
    (expression,) = isolation.expressions()
    compiled = expression.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    parameters = isolation.parameters(Tenant.of("o'; DROP TABLE x --"), _BACKEND)
    assert "DROP" not in str(compiled)
    values = compiled.construct_params(parameters).values()
    assert list(values) == ["app.tenant", "o'; DROP TABLE x --", True]


@pytest.mark.parametrize(
    "setting",
    ["", "tenant", "app.", ".tenant", "app.tenant.x", "App.tenant", "app.te nant", "app.t;", "a.1"],
)
def test_a_setting_without_a_two_part_name_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="two-part name"):
        PlainSetting(setting=setting)


def test_an_empty_separator_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="separator"):
        PlainSetting(setting="app.tenant", separator="")


@pytest.mark.parametrize("all_value", ["", "a,b", ","])
def test_a_value_for_all_that_is_nobody_or_somebody_is_refused(all_value: str) -> None:
    with pytest.raises(ConfigurationError, match="all tenants"):
        PlainSetting(setting="app.tenant", all_value=all_value)


def test_it_says_at_every_start_that_it_is_no_wall() -> None:
    assert "not attackers" in PlainSetting(setting="app.tenant").warning
