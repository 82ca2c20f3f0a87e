"""What could be better between a server and its database, from rows that the doctor has read. Pure:
nothing is read here, and nothing here keeps a server from starting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcpdb.config import PoolConfig
from mcpdb.isolation.base import Finding
from mcpdb.isolation.names import quoted, shown

_TIMEOUTS: Final = {
    "statement_timeout": ("30s", "a statement of it may run for ever"),
    "transaction_timeout": ("60s", "a transaction of it may last for ever"),
    "idle_in_transaction_session_timeout": ("15s", "a transaction that it leaves open stays"),
    "lock_timeout": ("5s", "it waits for ever for a table that is being changed"),
}


def advice(
    server: Mapping[str, Any],
    settings: Mapping[str, str],
    around: Mapping[str, Any],
    *,
    pool: PoolConfig | None,
) -> Sequence[Finding]:
    """What could be better. Nothing here keeps a server from starting.

    Args:
        server: `database`, `login` and `version`.
        settings: What a session of the login begins with, as `pg_settings` has it.
        around: Limits of connections, rights of PUBLIC, and the way of this connection.
        pool: The server's, where its connections are PostgreSQL's own.
    """
    return [
        *_login_settings(server, settings),
        *_logged(server, settings),
        *_connections(server, around, pool),
        *_rights(server, around),
        *_secrecy(settings, around),
    ]


def _login_settings(server: Mapping[str, Any], settings: Mapping[str, str]) -> Iterable[Finding]:
    name = shown(server["login"])
    for setting, (value, words) in _TIMEOUTS.items():
        if settings.get(setting) == "0":
            yield _advice(
                "no_timeout",
                f"The login {name} has no {setting}: {words}.",
                _set(server, setting, f"'{value}'"),
            )
    if settings["client_connection_check_interval"] == "0":
        yield _advice(
            "client_not_watched",
            f"A statement of {name} goes on after its client is gone.",
            _set(server, "client_connection_check_interval", "'1s'"),
        )
    if settings["default_transaction_read_only"] == "off":
        yield _advice(
            "not_read_only",
            f"Transactions of {name} are not READ ONLY by themselves. Those of mcpdb are.",
            _set(server, "default_transaction_read_only", "on"),
        )
    if settings["row_security"] == "off":
        yield _advice(
            "row_security_off",
            f"row_security is off for {name}: PostgreSQL refuses every query that a policy"
            " would have filtered.",
            _set(server, "row_security", "on"),
        )
    if settings["jit"] == "on":
        yield _advice(
            "jit",
            "JIT compiles statements that the planner holds for expensive, at up to seconds each:"
            " the queries of tools seldom gain that back.",
            _set(server, "jit", "off"),
        )


def _logged(server: Mapping[str, Any], settings: Mapping[str, str]) -> Iterable[Finding]:
    """Tokens are parameters of statements, and good for seconds."""
    why = {
        "log_statement": settings["log_statement"] == "all",
        "log_min_duration_statement": settings["log_min_duration_statement"] != "-1",
        "log_min_duration_sample": settings["log_min_duration_sample"] != "-1",
        "log_transaction_sample_rate": float(settings["log_transaction_sample_rate"]) > 0,
    }
    logging = [f"{name} is {settings[name]}" for name, is_so in why.items() if is_so]
    cases = {"log_parameter_max_length": logging}
    if settings["log_parameter_max_length_on_error"] != "0":
        cases["log_parameter_max_length_on_error"] = [
            f"log_parameter_max_length_on_error is {settings['log_parameter_max_length_on_error']}"
        ]
    for setting, reasons in cases.items():
        if reasons and settings[setting] != "0":
            yield _advice(
                "parameters_logged",
                "Parameters of statements come into PostgreSQL's log: what tools are asked for,"
                " and the tokens that let tenants in, good for seconds. For"
                f" {' and '.join(reasons)}.",
                _set(server, setting, "0"),
            )


def _connections(
    server: Mapping[str, Any], around: Mapping[str, Any], pool: PoolConfig | None
) -> Iterable[Finding]:
    if pool is None:
        return
    needed = pool.size + 1  # readiness has one more
    role, database = quoted(server["login"]), quoted(server["database"])
    limits = {
        "role_limit": ("its login", f"ALTER ROLE {role} CONNECTION LIMIT -1"),
        "database_limit": ("the database", f"ALTER DATABASE {database} CONNECTION LIMIT -1"),
        "server_limit": (
            "max_connections",
            f"PoolConfig(size=...) below {around['server_limit'] - 1}, or more max_connections",
        ),
    }
    for limit, (words, mend) in limits.items():
        if 0 <= around[limit] < needed:
            yield _advice(
                "too_few_connections",
                f"The server's pool takes up to {needed} connections, and {words} allows"
                f" {around[limit]}.",
                mend,
            )


def _rights(server: Mapping[str, Any], around: Mapping[str, Any]) -> Iterable[Finding]:
    if around["public_temporary"]:
        yield _advice(
            "public_temporary",
            "Every role may make temporary tables here, the server's login too.",
            f"REVOKE TEMPORARY ON DATABASE {quoted(server['database'])} FROM PUBLIC",
        )
    if around["public_creates"]:
        yield _advice(
            "public_creates",
            "Every role may make tables and functions in the schema public, where others find"
            " them by name.",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )


def _secrecy(settings: Mapping[str, str], around: Mapping[str, Any]) -> Iterable[Finding]:
    if not around["is_local"] and not around["is_encrypted"]:
        yield _advice(
            "not_encrypted",
            "The connection is not encrypted, and does not end on this machine.",
            "Add ?ssl=verify-full to the database's URL, or ssl=require without a certificate"
            " that can be checked.",
        )
    if settings["password_encryption"] != "scram-sha-256":  # noqa: S105  # the name of a method
        yield _advice(
            "password_md5",
            f"Passwords are kept as {settings['password_encryption']}, which can be replayed.",
            "ALTER SYSTEM SET password_encryption = 'scram-sha-256', reload, and set the passwords"
            " anew.",
        )


def _advice(code: str, message: str, mend: str) -> Finding:
    return Finding(code=code, message=message, mend=mend, level="advice")


def _set(server: Mapping[str, Any], setting: str, value: str) -> str:
    role, database = quoted(server["login"]), quoted(server["database"])
    return f"ALTER ROLE {role} IN DATABASE {database} SET {setting} = {value}"
