"""For tests of code that extends mcpdb: the contract suites of its providers.

Subclass a suite in a test module, give it the fixtures that its docstring names, and pytest runs
it. The suites need pytest and no plugin of it; importing `mcpdb` itself does not import this.
"""

from mcpdb.testing.embeddings_contract import EmbeddingsContract
from mcpdb.testing.isolation_contract import IsolationContract
from mcpdb.testing.tenancy_contract import TenancyContract

__all__ = ["EmbeddingsContract", "IsolationContract", "TenancyContract"]
