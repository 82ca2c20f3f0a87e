"""Who sees what, over the server's own login. The truth comes from a superuser's connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from mcpdb.embedded import EmbeddedPostgres
from zava import tables
from zava.access import HEAD_OFFICE, PROTECTED, TENANT_SETTING
from zava.catalogue import load_company

from .conftest import Connect, CreateDatabase
