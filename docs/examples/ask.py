"""Ask the first server as each of its two tenants."""

import asyncio
import sys

from mcp import Client, StdioServerParameters


async def main() -> None:
    for tenant in ("north", "south"):
        server = StdioServerParameters(command=sys.executable, args=["first_server.py", tenant])
        async with Client(server) as client:
            result = await client.call_tool("top_products", {"days": 7})
            print(f"{tenant}: {result.structured_content['rows']}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
