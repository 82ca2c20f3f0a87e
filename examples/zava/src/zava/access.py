"""Who may see what, declared once: mcpdb makes the keys, functions, privileges and policies of it.
Beside it stand the roles, which two databases of one server may come to make at the same moment.

A tenant is the id of a store's or a region's manager, or several of them, or all.
"""

from typing import Final, LiteralString

from mcpdb.isolation import Lookup, Protected, Roles, Shared, Wall

APP_ROLE: Final = "zava_app"
"""The server's login: owns nothing, is a member of nothing, and may only read."""
OWNER: Final = "zava_owner"
"""Owns the tables, cannot log in, and sees no row: row-level security holds it too."""
KEEPER: Final = "zava_keeper"
"""Owns the keys, and reads whose id is whose for the policies. Nobody is a member of it."""
SQL_ROLE: Final = "zava_sql"
"""The login for SQL that a model writes: it may read nothing, only have it read by the next."""
READER: Final = "zava_reader"
"""Reads what the server may, for that login. It cannot log in."""
LOADER: Final = "zava_loader"
"""Reads and writes what the server may read: for whoever seeds, or refreshes embeddings."""

STORES: Final = Lookup(
    name="stores",
    type="integer",
    # Ids are compared as uuids, in whatever letter case; what is not a uuid is an error.
    select="SELECT DISTINCT store_id FROM retail.store_access"
    " WHERE rls_user_id = ANY (tenant_ids::uuid[]) ORDER BY store_id",
    select_all="SELECT store_id FROM retail.stores ORDER BY store_id",
    reads={"retail.store_access": ("rls_user_id", "store_id"), "retail.stores": ("store_id",)},
)
"""From the managers' and regions' ids to their stores."""


WALL: Final = Wall(
    owner=OWNER,
    roles=Roles(app=APP_ROLE, keeper=KEEPER, loader=LOADER, sql=SQL_ROLE, reader=READER),
    tables=(
        Protected("retail.orders", "store_id", lookup=STORES),
        Protected("retail.order_items", "store_id", lookup=STORES),
        Protected("retail.inventory", "store_id", lookup=STORES),
        # The policy of orders applies within the sub-select. It is correlated, so that the planner
        # can look up the orders of one customer by their index.
        Protected(
            "retail.customers",
            using="primary_store_id = ANY ({ids}) OR EXISTS"
            " (SELECT FROM retail.orders WHERE orders.customer_id = customers.customer_id)",
            lookup=STORES,
        ),
        # The same for everyone who has a store; an id without one sees no row.
        # Not rls_user_id: the server hears who asks from its tenancy provider alone.
        Shared("retail.stores", lookup=STORES, columns=("store_id", "store_name", "is_online")),
        Shared("retail.categories", lookup=STORES),
        Shared("retail.product_types", lookup=STORES),
        Shared("retail.products", lookup=STORES),
        Shared("retail.product_image_embeddings", lookup=STORES),
        Shared("retail.product_description_embeddings", lookup=STORES),
        Shared("retail.seed_info", lookup=STORES),
    ),
)
"""The server may read these tables. `retail.store_access` is not among them: only the look-up
reads whose id is whose."""

# Roles belong to the cluster. Another database in it may have made them, even at this moment, so
# one that is there is taken.
_ROLES: Final[tuple[LiteralString, ...]] = (
    """DO $$ BEGIN
  CREATE ROLE zava_owner NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_keeper NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_loader NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_app LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_reader NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_sql LOGIN NOINHERIT CONNECTION LIMIT 8;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ DECLARE
  own CONSTANT name[] := ARRAY['zava_owner', 'zava_keeper', 'zava_loader', 'zava_app',
    'zava_reader', 'zava_sql'];
BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname = ANY (own)
    AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
         OR rolcanlogin AND rolname NOT IN ('zava_app', 'zava_sql'))
  ) OR EXISTS (
    SELECT FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname = ANY (own)
  ) THEN
    RAISE insufficient_privilege USING MESSAGE =
      'one of Zava''s roles (' || array_to_string(own, ', ')
      || ') exists and may do more than it must';
  END IF;
END $$""",
    # An administrator who is not a superuser becomes the owner and the loader by SET ROLE only,
    # and the keeper and the reader not at all: servers do not start where somebody can.
    """DO $$ BEGIN
  IF NOT pg_has_role('zava_owner', 'SET') OR NOT pg_has_role('zava_loader', 'SET') THEN
    GRANT zava_owner, zava_loader TO CURRENT_USER WITH SET TRUE, INHERIT FALSE;
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    IF pg_has_role('zava_keeper', 'SET') THEN
      REVOKE zava_keeper FROM CURRENT_USER;
    END IF;
    IF pg_has_role('zava_reader', 'SET') THEN
      REVOKE zava_reader FROM CURRENT_USER;
    END IF;
  END IF;
END $$""",
    # Only where needed: on a database that is not theirs, administrators may not.
    """DO $$ BEGIN
  IF has_database_privilege('zava_app', current_database(), 'TEMPORARY') THEN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  END IF;
END $$""",
)


def role_statements() -> list[LiteralString]:
    """SQL that makes the roles, or takes those that are there. It needs PostgreSQL 16.

    To be run by a superuser, or by a role with CREATEROLE that owns the database.
    """
    return list(_ROLES)
