from first_server import make_server

from mcpdb.testing.escapes import MemoryIdentity, Options, assert_no_leaks, attack


async def test_the_north_sees_nothing_of_the_south(shop_dsn: str) -> None:
    report = await attack(
        a=MemoryIdentity(make_server(shop_dsn, "north"), ["north"]),
        b=MemoryIdentity(make_server(shop_dsn, "south"), ["south"]),
        options=Options(canaries_b=["Parasol"], calls=20),
    )
    assert_no_leaks(report)
