"""The shop that the corpus asks about: behind the wall, in several worlds that differ only in the
rows of one tenant; and the same shop under policies of a plain setting."""

from dataclasses import asdict, dataclass
from typing import Final

from isolation.walled import NORTH, SOUTH, Connection, Walled, connected
from mcpdb.isolation import Lookup, Protected, Roles, Shared, Wall
from mcpdb.operate import apply_wall
from mcpdb.query.catalog import Catalog, Relation
from servers import Fresh

SUPER: Final = "00000000-0000-0000-0000-000000000000"
PLAIN_SETTING: Final = "app.current_rls_user_id"

# Statistics change when this says so, and not when the autovacuum does.
SCHEMA: Final = """
CREATE SCHEMA shop;
CREATE TABLE shop.tenants (id text PRIMARY KEY);
CREATE TABLE shop.stores (
  id int PRIMARY KEY, name text NOT NULL, city text NOT NULL, secret text NOT NULL
);
CREATE TABLE shop.managers (manager text NOT NULL, store_id int NOT NULL REFERENCES shop.stores);
CREATE TABLE shop.customers (
  id int PRIMARY KEY, tenant text NOT NULL, name text NOT NULL, email text NOT NULL UNIQUE,
  born date, "group" text, canary text NOT NULL
) WITH (autovacuum_enabled = false);
CREATE TABLE shop.orders (
  id int PRIMARY KEY, tenant text NOT NULL, customer_id int NOT NULL,
  amount numeric(12, 2) NOT NULL, status text NOT NULL, note jsonb NOT NULL,
  placed timestamptz NOT NULL, tags text[] NOT NULL,
  canary text NOT NULL
) WITH (autovacuum_enabled = false);
CREATE INDEX orders_tenant ON shop.orders (tenant);
CREATE TABLE shop.items (
  id int PRIMARY KEY, order_id int NOT NULL, tenant text NOT NULL, product_id int NOT NULL,
  quantity int NOT NULL, price numeric(10, 2) NOT NULL, discount numeric, canary text NOT NULL
) WITH (autovacuum_enabled = false);
CREATE INDEX items_order ON shop.items (order_id);
CREATE TABLE shop.products (
  id int PRIMARY KEY, name text NOT NULL, category text, price numeric(10, 2) NOT NULL,
  description text NOT NULL, embedding {vector}
);
CREATE SEQUENCE shop.order_numbers;

INSERT INTO shop.tenants VALUES ('101'), ('102');
INSERT INTO shop.stores SELECT s, 'store ' || s, CASE WHEN s % 2 = 0 THEN 'Bergen' ELSE 'Oslo' END,
  'secret ' || s FROM generate_series(1, 6) s;
INSERT INTO shop.managers VALUES ('101', 1), ('101', 2), ('102', 3), ('102', 4), ('102', 5);
INSERT INTO shop.products SELECT n, 'product ' || n, (ARRAY['tools', 'paint', NULL])[n % 3 + 1],
  n * 3.5, 'a ' || (ARRAY['red', 'blue', 'heavy', 'small'])[n % 4 + 1] || ' thing of kind ' || n,
  {embedding} FROM generate_series(1, 12) n;
"""

# The rows of a tenant, from a number on that makes them other rows.
_ROWS: Final = """
INSERT INTO shop.customers
  SELECT {t} * 100000 + n, '{t}', 'Pat ' || n, 'pat' || n || '@{t}.example',
  date '1960-01-01' + n * 37, (ARRAY['gold', 'silver', NULL])[n % 3 + 1], 'c{t}-' || n
  FROM generate_series({first}, {first} + {customers} - 1) n;
INSERT INTO shop.orders SELECT {t} * 100000 + n, '{t}',
  {t} * 100000 + {first} + (n - {first}) % ({orders} / 2), ({t} - 100) * 1000 + n + 0.25,
  (ARRAY['new', 'paid', 'sent', 'returned'])[n % 4 + 1],
  jsonb_build_object('source', (ARRAY['web', 'shop', 'phone'])[n % 3 + 1], 'gift', n % 5 = 0,
    'lines', jsonb_build_array(n, n + 1), 'who', jsonb_build_object('canary', 'c{t}-' || n)),
  timestamptz '2025-01-01 08:00+00' + n * interval '31 hours',
  ARRAY[(ARRAY['red', 'blue', 'green'])[n % 3 + 1], 'c{t}-' || n], 'c{t}-' || n
  FROM generate_series({first}, {first} + {orders} - 1) n;
INSERT INTO shop.items SELECT {t} * 100000 + n, {t} * 100000 + {first} + n % {orders}, '{t}',
  n % 12 + 1, n % 7 + 1, (n % 12 + 1) * 3.5, CASE WHEN n % 4 = 0 THEN 0.1 END, 'c{t}-' || n
  FROM generate_series({first}, {first} + {items} - 1) n;
SELECT setval('shop.order_numbers', {last});
"""

# What careless applications have: open to everyone, with the rights of the tables' owner.
_CARELESS: Final = """
CREATE VIEW shop.all_orders AS SELECT * FROM shop.orders;
CREATE FUNCTION shop.order_count() RETURNS bigint STABLE SECURITY DEFINER
  BEGIN ATOMIC SELECT count(*) FROM shop.orders; END;
CREATE FUNCTION shop.canaries_of(whose text) RETURNS SETOF text LANGUAGE sql STABLE
  SECURITY DEFINER AS 'SELECT canary FROM shop.orders WHERE tenant = whose';
CREATE MATERIALIZED VIEW shop.totals AS
  SELECT tenant, sum(amount) AS total, max(canary) AS canary FROM shop.orders GROUP BY tenant;
CREATE FUNCTION shop.tell(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001
  AS $$ BEGIN RAISE EXCEPTION 'told: %', what; END $$;
ALTER VIEW shop.all_orders OWNER TO {owner};
ALTER MATERIALIZED VIEW shop.totals OWNER TO {owner};
ALTER FUNCTION shop.order_count() OWNER TO {owner};
ALTER FUNCTION shop.canaries_of(text) OWNER TO {owner};
GRANT SELECT ON shop.all_orders TO PUBLIC;
"""

_PLAIN: Final = """
CREATE ROLE {login} LOGIN;
GRANT USAGE ON SCHEMA shop TO {login};
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {login};
ALTER ROLE {login} IN DATABASE {database} SET search_path = pg_catalog, shop, public;
"""
_PLAIN_TABLE: Final = """
ALTER TABLE shop.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.{table} FOR SELECT TO {login} USING (
  current_setting('app.current_rls_user_id', true) IN (tenant, '{everyone}'));
"""

_STORE_IDS: Final = Lookup(
    name="store_ids",
    type="integer",
    select="SELECT store_id FROM shop.managers WHERE manager = ANY (tenant_ids)",
    select_all="SELECT id FROM shop.stores",
    reads={"shop.managers": ["manager", "store_id"], "shop.stores": ["id"]},
)
TABLES: Final = (
    Protected("shop.orders", "tenant"),
    Protected("shop.items", "tenant"),
    Protected("shop.customers", "tenant"),
    Protected("shop.stores", "id", lookup=_STORE_IDS, columns=["id", "name", "city"]),
    Shared("shop.products"),
)
CATALOG: Final = Catalog(
    [
        Relation("shop", "stores", ("id", "name", "city")),
        Relation("shop", "customers", ("id", "tenant", "name", "email", "born", "group", "canary")),
        Relation(
            "shop",
            "orders",
            (
                *("id", "tenant", "customer_id", "amount", "status", "note", "placed", "tags"),
                "canary",
            ),
        ),
        Relation(
            "shop",
            "items",
            ("id", "order_id", "tenant", "product_id", "quantity", "price", "discount", "canary"),
        ),
        Relation(
            "shop", "products", ("id", "name", "category", "price", "description", "embedding")
        ),
    ]
)
EMAIL: Final = {NORTH: "pat3@101.example", SOUTH: "pat3@102.example"}


@dataclass(frozen=True, slots=True)
class Amount:
    """How many rows a tenant has, and which."""

    orders: int
    customers: int
    items: int
    first: int = 1


USUAL: Final = {NORTH: Amount(31, 411, 1409), SOUTH: Amount(47, 533, 2603)}
# Far more of them, and none that is the same.
CHANGED: Final = {NORTH: Amount(420, 1511, 3911, 7001), SOUTH: Amount(400, 1721, 3307, 7001)}


async def fill(superuser: Connection, amounts: dict[str, Amount]) -> None:
    """Give these tenants these rows, in place of those that they have."""
    for tenant, amount in amounts.items():
        for table in ("customers", "orders", "items"):
            await superuser.execute(f"DELETE FROM shop.{table} WHERE tenant = '{tenant}'")
        last = sum(each.orders for each in amounts.values())
        await superuser.execute(_ROWS.format(t=tenant, last=last, **asdict(amount)))
    for table in ("customers", "orders", "items", "products", "stores"):
        await superuser.execute(f"VACUUM (ANALYZE) shop.{table}")


async def make_shop(fresh: Fresh) -> None:
    """The schema and its rows."""
    vector = fresh.cluster.has_vector
    array = "ARRAY[n, n % 5, 1]::real[]"
    schema = SCHEMA.replace("{vector}", "vector(3)" if vector else "real[]")
    async with connected(fresh.superuser_dsn) as superuser:
        if vector:
            await superuser.execute("CREATE EXTENSION vector")
    async with connected(fresh.dsn()) as admin:
        await admin.execute(schema.replace("{embedding}", array))


async def build_walled_shop(fresh: Fresh) -> Walled:
    """The shop behind the wall, as it is made with `mcpdb isolation apply`."""
    await make_shop(fresh)
    owner = fresh.role("owner")
    wall = Wall(
        tables=TABLES,
        roles=Roles(
            app=fresh.role("app"),
            keeper=fresh.role("keeper"),
            sql=fresh.role("sql"),
            reader=fresh.role("reader"),
        ),
        tenants=("shop.tenants", "id"),
        owner=owner,
        shut_out=[fresh.admin],
    )
    async with connected(fresh.dsn()) as admin:
        applied = await apply_wall(admin, wall)
    async with connected(fresh.superuser_dsn) as superuser:
        await superuser.execute(_CARELESS.replace("{owner}", owner))
        await fill(superuser, USUAL)
        await superuser.execute("REFRESH MATERIALIZED VIEW shop.totals")
    assert applied.key is not None
    return Walled(fresh, fresh.name, applied.key)


async def build_plain_shop(fresh: Fresh) -> str:
    """The shop under policies of a plain setting; returns the name of the login."""
    await make_shop(fresh)
    login = fresh.role("plain")
    async with connected(fresh.superuser_dsn) as superuser:
        await fill(superuser, USUAL)
        await superuser.execute(_PLAIN.format(login=login, database=fresh.name))
        for table in ("orders", "items", "customers"):
            await superuser.execute(_PLAIN_TABLE.format(table=table, login=login, everyone=SUPER))
    return login


async def make_world(walled: Walled, name: str, changed: str | None) -> Walled:
    """A copy of the database, in which the rows of this tenant are other ones."""
    made = await walled.clone(name)
    async with connected(made.superuser_dsn) as superuser:
        # Settings of roles in a database are not cloned with it.
        await superuser.execute("SET allow_system_table_mods = on")
        await superuser.execute(
            "INSERT INTO pg_db_role_setting SELECT oid, setrole, setconfig FROM pg_database,"
            " pg_db_role_setting WHERE datname = $1 AND setdatabase ="
            " (SELECT oid FROM pg_database WHERE datname = $2)",
            made.name,
            walled.name,
        )
        await fill(superuser, {} if changed is None else {changed: CHANGED[changed]})
        await superuser.execute("REFRESH MATERIALIZED VIEW shop.totals")
    return made
