"""A server that ends when it is sent a second statement, over stdio: `python dying_server.py`."""

import os

from mcp.server.mcpserver import MCPServer

mcp = MCPServer[None]("dying", version="1", log_level="CRITICAL")
_WHO = os.environ["WHO"]


@mcp.tool()
def look_up(word: str) -> str:
    """Look a word up."""
    if "'; SELECT 1" in word:
        os._exit(3)
    return f"{_WHO} knows {word}"


if __name__ == "__main__":
    mcp.run()
