from dataclasses import replace

from wall import wall as without

from mcpdb.isolation import Roles

wall = replace(
    without,
    roles=Roles(app="shop_mcp", keeper="shop_keeper", sql="shop_sql", reader="shop_reader"),
)
