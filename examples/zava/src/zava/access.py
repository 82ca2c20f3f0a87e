"""Who may see what: roles, privileges and row-level security, as SQL in the order to run it.

The tenant is the setting `app.current_rls_user_id` of the transaction: the id of a store's or a
region's manager, several of them joined by commas, or `HEAD_OFFICE`. Every policy asks
`retail.visible_stores()`; without a known id it returns no store, and then no table has a row.
"""

from typing import Final, LiteralString

APP_ROLE: Final = "zava_app"
"""The server's login: owns nothing, is a member of nothing, and may only read."""
TENANT_SETTING: Final = "app.current_rls_user_id"
HEAD_OFFICE: Final = "00000000-0000-0000-0000-000000000000"
"""The id that sees all stores."""

_SHARED: Final[tuple[LiteralString, ...]] = (
    "retail.categories",
    "retail.product_types",
    "retail.products",
    "retail.product_image_embeddings",
    "retail.product_description_embeddings",
    "retail.seed_info",
)
_BY_STORE: Final[tuple[LiteralString, ...]] = (
    "retail.orders",
    "retail.order_items",
    "retail.inventory",
)
# Those whose privileges or policies are written out below.
_OTHERS: Final[tuple[LiteralString, ...]] = (
    "retail.stores",
    "retail.customers",
    "retail.store_access",
)
PROTECTED: Final = (*_SHARED, *_BY_STORE, *_OTHERS)
"""Every table of the schema: row-level security holds on all of them, for their owner too."""

# Roles belong to the cluster. Another database in it may have made them, even at this moment, so
# one that is there is taken; and settings are altered only if they differ, because PostgreSQL
# refuses ("tuple concurrently updated") two transactions that alter one role at once.
_ROLES: Final[tuple[LiteralString, ...]] = (
    """DO $$ BEGIN
  CREATE ROLE zava_owner NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_keeper NOLOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  CREATE ROLE zava_app LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    """DO $$ BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname IN ('zava_owner', 'zava_keeper', 'zava_app')
    AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
         OR rolcanlogin AND rolname <> 'zava_app')
  ) OR EXISTS (
    SELECT FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member
    WHERE rolname IN ('zava_owner', 'zava_keeper', 'zava_app')
  ) THEN
    RAISE insufficient_privilege USING MESSAGE =
      'zava_owner, zava_keeper or zava_app exists and may do more than it must';
  END IF;
END $$""",
    # search_path: pg_temp last, so that no temporary table can stand in for a real one; public
    # for the operators of the extension vector.
    """DO $$ BEGIN
  IF (SELECT rolconfig FROM pg_roles WHERE rolname = 'zava_app') IS DISTINCT FROM ARRAY[
    'default_transaction_read_only=on',
    'statement_timeout=30s',
    'idle_in_transaction_session_timeout=60s',
    'client_connection_check_interval=1s',
    'search_path=pg_catalog, public, pg_temp'
  ] THEN
    ALTER ROLE zava_app RESET ALL;
    ALTER ROLE zava_app SET default_transaction_read_only = 'on';
    ALTER ROLE zava_app SET statement_timeout = '30s';
    ALTER ROLE zava_app SET idle_in_transaction_session_timeout = '60s';
    ALTER ROLE zava_app SET client_connection_check_interval = '1s';
    ALTER ROLE zava_app SET search_path = pg_catalog, public, pg_temp;
  END IF;
END $$""",
    # An administrator who is not a superuser becomes the owner and the keeper by SET ROLE only.
    """DO $$ BEGIN
  IF NOT pg_has_role('zava_owner', 'SET') OR NOT pg_has_role('zava_keeper', 'SET') THEN
    GRANT zava_owner, zava_keeper TO CURRENT_USER WITH SET TRUE, INHERIT FALSE;
  END IF;
END $$""",
    # Only where needed: on a database that is not theirs, administrators may not.
    """DO $$ BEGIN
  IF has_database_privilege('zava_app', current_database(), 'TEMPORARY') THEN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  END IF;
  IF NOT has_database_privilege('zava_app', current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO zava_app', current_database());
  END IF;
END $$""",
)

# plpgsql keeps its plans for the session, which language sql does not before PostgreSQL 18.
# SECURITY DEFINER, so that nobody else needs to read whose id is whose; PARALLEL SAFE, because
# parallel workers are given the settings of their leader.
_VISIBLE_STORES: Final[LiteralString] = """CREATE FUNCTION retail.visible_stores() RETURNS int[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- A setting that was local to an earlier transaction reads as an empty text, not as NULL.
  tenant CONSTANT text := nullif(current_setting('app.current_rls_user_id', true), '');
BEGIN
  IF tenant IS NULL THEN
    RETURN '{}';
  END IF;
  IF tenant = '00000000-0000-0000-0000-000000000000' THEN
    RETURN ARRAY(SELECT store_id FROM retail.stores ORDER BY store_id);
  END IF;
  -- What is not a uuid is an error here.
  RETURN ARRAY(
    SELECT DISTINCT store_id FROM retail.store_access
    WHERE rls_user_id = ANY (string_to_array(tenant, ',')::uuid[]) ORDER BY store_id);
END $$"""

_FUNCTION: Final[tuple[LiteralString, ...]] = (
    "GRANT USAGE, CREATE ON SCHEMA retail TO zava_keeper",
    "GRANT SELECT (store_id) ON retail.stores TO zava_keeper",
    "GRANT SELECT ON retail.store_access, retail.seed_info TO zava_keeper",
    "SET LOCAL ROLE zava_keeper",
    _VISIBLE_STORES,
    "COMMENT ON FUNCTION retail.visible_stores() IS 'The stores that this transaction may see.'",
    "REVOKE ALL ON FUNCTION retail.visible_stores() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION retail.visible_stores() TO zava_app",
    "SET LOCAL ROLE zava_owner",
    "REVOKE CREATE ON SCHEMA retail FROM zava_keeper",
    "CREATE POLICY keeper ON retail.stores FOR SELECT TO zava_keeper USING (true)",
    "CREATE POLICY keeper ON retail.store_access FOR SELECT TO zava_keeper USING (true)",
    "CREATE POLICY keeper ON retail.seed_info FOR SELECT TO zava_keeper USING (true)",
)

_PRIVILEGES: Final[tuple[LiteralString, ...]] = (
    "GRANT USAGE ON SCHEMA retail TO zava_app",
    # Not rls_user_id: who knows a manager's id can ask as that manager.
    "GRANT SELECT (store_id, store_name, is_online) ON retail.stores TO zava_app",
    "GRANT SELECT ON retail.customers TO zava_app",
)

# The function stands in a sub-select in all policies: so it runs once for a query, and not once
# for a row.
_POLICIES: Final[tuple[LiteralString, ...]] = (
    """CREATE POLICY somebody ON retail.stores FOR SELECT TO zava_app
USING (cardinality((SELECT retail.visible_stores())) > 0)""",
    # The policy of orders applies within the sub-select. It is correlated, so that the planner
    # can look up the orders of one customer by their index.
    """CREATE POLICY stores ON retail.customers FOR SELECT TO zava_app USING (
  primary_store_id = ANY ((SELECT retail.visible_stores())::int[])
  OR EXISTS (SELECT FROM retail.orders WHERE orders.customer_id = customers.customer_id))""",
)


def role_statements() -> list[LiteralString]:
    """SQL that makes the roles, or takes those that are there. It needs PostgreSQL 16.

    To be run by a superuser, or by a role with CREATEROLE that owns the database.
    """
    return list(_ROLES)


def access_statements() -> list[LiteralString]:
    """SQL that closes the tables of a loaded schema, to be run in one transaction as `zava_owner`.

    The rows have to be there: from here on their owner cannot write any.
    """
    return [
        *_FUNCTION,
        *_PRIVILEGES,
        *(f"GRANT SELECT ON {table} TO zava_app" for table in (*_SHARED, *_BY_STORE)),
        *_POLICIES,
        *(
            f"CREATE POLICY somebody ON {table} FOR SELECT TO zava_app"
            " USING (cardinality((SELECT retail.visible_stores())) > 0)"
            for table in _SHARED
        ),
        *(
            f"CREATE POLICY stores ON {table} FOR SELECT TO zava_app"
            " USING (store_id = ANY ((SELECT retail.visible_stores())::int[]))"
            for table in _BY_STORE
        ),
        *(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in PROTECTED),
        *(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in PROTECTED),
    ]
