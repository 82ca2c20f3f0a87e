from mcpdb.isolation import Protected, Roles, Shared, Wall

wall = Wall(
    tables=[
        Protected("public.orders", "store"),
        Protected(
            "public.order_lines",
            using="EXISTS (SELECT FROM public.orders AS o"
            " WHERE o.id = order_lines.order_id AND o.store = ANY ({ids}))",
        ),
        Shared("public.products", columns=["id", "name", "price"]),
    ],
    tenants=("public.stores", "id"),  # for a head office that sees all of them
    roles=Roles(app="shop_mcp", keeper="shop_keeper"),  # made where they are missing
    writers=["shop_web", "shop_owner"],
    readers=["shop_reports"],
    shut_out=["shop_intern"],
)
