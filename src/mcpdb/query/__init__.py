"""What is asked, as pure functions from arguments to selects."""

from mcpdb.query.base import Embedded, Report, Rows, Tables

__all__ = ["Embedded", "Report", "Rows", "Tables"]
