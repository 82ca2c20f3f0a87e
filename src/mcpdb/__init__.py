"""Put a PostgreSQL database behind the Model Context Protocol for many tenants at once."""

from mcpdb.config import Limits, PoolConfig, SqlLogin, Timeouts
from mcpdb.database import Database
from mcpdb.embeddings.base import EmbeddingProvider
from mcpdb.embeddings.hashed import HashedEmbeddings
from mcpdb.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    EmbeddedPostgresError,
    EmbeddingsUnavailable,
    InvalidArguments,
    IsolationError,
    McpdbError,
    NotAllowed,
    QueryFailed,
    QueryTimeout,
    Refused,
    ResultError,
    SqlRefused,
    TenantError,
    TooManyCalls,
    Unavailable,
    UnknownTool,
)
from mcpdb.isolation.base import Backend, Finding, Isolation, Prober
from mcpdb.isolation.plain import PlainSetting
from mcpdb.query.base import AnyTool, Embedded, Report, Rows, Tables
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.query.tool import ToolOptions
from mcpdb.request import Principal, Request, Tenant
from mcpdb.result import Column, Result, Table
from mcpdb.server import Server
from mcpdb.sql.options import SqlToolOptions
from mcpdb.tenancy.base import TenancyProvider
from mcpdb.tenancy.fixed import FixedTenancy
from mcpdb.tenancy.header import HeaderTenancy

__all__ = [
    "AnyTool",
    "Backend",
    "Catalog",
    "Column",
    "ConfigurationError",
    "Database",
    "DatabaseUnavailable",
    "Embedded",
    "EmbeddedPostgresError",
    "EmbeddingProvider",
    "EmbeddingsUnavailable",
    "Finding",
    "FixedTenancy",
    "HashedEmbeddings",
    "HeaderTenancy",
    "InvalidArguments",
    "Isolation",
    "IsolationError",
    "Limits",
    "McpdbError",
    "NotAllowed",
    "PlainSetting",
    "PoolConfig",
    "Principal",
    "Prober",
    "QueryFailed",
    "QueryTimeout",
    "Refused",
    "Relation",
    "Report",
    "Request",
    "Result",
    "ResultError",
    "Rows",
    "Server",
    "SqlLogin",
    "SqlRefused",
    "SqlToolOptions",
    "Table",
    "Tables",
    "TenancyProvider",
    "Tenant",
    "TenantError",
    "Timeouts",
    "TooManyCalls",
    "ToolOptions",
    "Unavailable",
    "UnknownTool",
]
