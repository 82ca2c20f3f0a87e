"""Every test of whole calls is quiet: nothing is left for asyncio to complain about."""

from collections.abc import AsyncGenerator

import pytest

from calls.quiet import Heard, listening


@pytest.fixture(autouse=True)
async def quiet() -> AsyncGenerator[Heard]:
    """What asyncio complains about; at the end of the test it must be nothing."""
    with listening() as heard:
        yield heard
        await heard.nothing()
