"""Advice from rows, where no server of a test's would be like that."""

from typing import Any

import pytest

from mcpdb import PoolConfig
from mcpdb.operate.advice import advice

SERVER = {"database": 'my "shop"', "login": "Shop MCP", "version": 180_000}
GOOD = {
    "statement_timeout": "30000",
    "transaction_timeout": "60000",
    "idle_in_transaction_session_timeout": "15000",
    "lock_timeout": "5000",
    "client_connection_check_interval": "1000",
    "default_transaction_read_only": "on",
    "row_security": "on",
    "jit": "off",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "0",
    "password_encryption": "scram-sha-256",
}
AROUND = {
    "role_limit": -1,
    "database_limit": -1,
    "server_limit": 97,
    "public_temporary": False,
    "public_creates": False,
    "is_local": True,
    "is_encrypted": False,
}


def codes(settings: dict[str, str], around: dict[str, Any], pool: PoolConfig | None) -> list[str]:
    found = advice(SERVER, GOOD | settings, AROUND | around, pool=pool)
    assert {each.level for each in found} <= {"advice"}
    return [each.code for each in found]


def test_there_is_none_where_all_is_well() -> None:
    assert codes({}, {}, PoolConfig(size=96)) == []
    older = {name: value for name, value in GOOD.items() if name != "transaction_timeout"}
    assert not advice(SERVER, older, AROUND, pool=None)


@pytest.mark.parametrize(
    ("settings", "around", "expected"),
    [
        ({"password_encryption": "md5"}, {}, ["password_md5"]),
        ({}, {"is_local": False}, ["not_encrypted"]),
        ({}, {"is_local": False, "is_encrypted": True}, []),
        ({}, {"server_limit": 20}, ["too_few_connections"]),
        ({}, {"role_limit": 0, "database_limit": 5}, ["too_few_connections"] * 2),
        ({"log_statement": "mod"}, {}, []),
        ({"log_statement": "all"}, {}, ["parameters_logged"]),
        ({"log_statement": "all", "log_parameter_max_length": "0"}, {}, []),
        ({"log_min_duration_sample": "0"}, {}, ["parameters_logged"]),
        ({"log_transaction_sample_rate": "0.01"}, {}, ["parameters_logged"]),
    ],
)
def test_each_by_itself(
    settings: dict[str, str], around: dict[str, Any], expected: list[str]
) -> None:
    assert codes(settings, around, PoolConfig(size=20)) == expected


def test_names_are_quoted_in_what_mends() -> None:
    (finding,) = advice(SERVER, GOOD | {"lock_timeout": "0"}, AROUND, pool=None)
    assert finding.mend == (
        'ALTER ROLE "Shop MCP" IN DATABASE "my ""shop""" SET lock_timeout = \'5s\''
    )
