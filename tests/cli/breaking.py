"""SQL that breaks a wall, or leaves something to be advised, and the code of what the doctor finds."""
# ruff: noqa: E501  # a case is a line

ADVICE = """
no_timeout: ALTER ROLE {app} IN DATABASE {db} SET statement_timeout = 0
no_timeout: ALTER ROLE {app} IN DATABASE {db} SET transaction_timeout = 0
no_timeout: ALTER ROLE {app} IN DATABASE {db} SET idle_in_transaction_session_timeout = 0
no_timeout: ALTER ROLE {app} IN DATABASE {db} SET lock_timeout = 0
client_not_watched: ALTER ROLE {app} IN DATABASE {db} SET client_connection_check_interval = 0
not_read_only: ALTER ROLE {app} IN DATABASE {db} SET default_transaction_read_only = off
row_security_off: ALTER ROLE {app} IN DATABASE {db} SET row_security = off
jit: ALTER ROLE {app} IN DATABASE {db} SET jit = on
parameters_logged: ALTER ROLE {app} IN DATABASE {db} SET log_statement = 'all'
parameters_logged: ALTER ROLE {app} IN DATABASE {db} SET log_min_duration_statement = 250
parameters_logged: ALTER ROLE {app} IN DATABASE {db} SET log_parameter_max_length_on_error = -1
too_few_connections: ALTER ROLE {app} CONNECTION LIMIT 3
too_few_connections: ALTER DATABASE {db} CONNECTION LIMIT 3
public_temporary: GRANT TEMPORARY ON DATABASE {db} TO PUBLIC
public_creates: GRANT CREATE ON SCHEMA public TO PUBLIC
"""
ERRORS = """
login_bypasses_rls: ALTER ROLE {app} BYPASSRLS
login_powerful: ALTER ROLE {app} CREATEROLE
login_powerful: ALTER ROLE {app} CREATEDB
login_powerful: ALTER ROLE {app} REPLICATION
login_member: GRANT {reporting} TO {app}
keeper_powerful: ALTER ROLE {keeper} LOGIN
keeper_has_members: GRANT {keeper} TO {reporting}
keys_readable: GRANT SELECT ON mcpdb.keys TO {app}
table_without_rls: CREATE TABLE shop."Odd one" (a int); GRANT SELECT (a) ON shop."Odd one" TO {app}
table_without_rls: CREATE TABLE shop.open (a int); GRANT SELECT ON shop.open TO PUBLIC
table_without_force: ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY
view_without_invoker: CREATE VIEW shop.seen AS TABLE shop.orders; GRANT SELECT ON shop.seen TO {app}
materialized_view: CREATE MATERIALIZED VIEW shop.copy AS TABLE shop.orders; GRANT SELECT ON shop.copy TO {app}
foreign_table: CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE shop.far (a int) SERVER s; GRANT SELECT ON shop.far TO {app}
definer_function: CREATE FUNCTION shop.peek(a int, VARIADIC b text[]) RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM shop.orders'
definer_function: CREATE FUNCTION shop.peek() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION shop.peek FROM PUBLIC; GRANT EXECUTE ON FUNCTION shop.peek TO {app}
definer_function: CREATE PROCEDURE shop.peek() SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'
"""
# What only an act mends, or the wall's declaration.
OTHERS = """
login_superuser: ALTER ROLE {app} SUPERUSER
login_owner: ALTER TABLE shop.products OWNER TO {app}
table_without_tenant: DROP POLICY mcpdb_tenant ON shop.orders
nobody_sees_rows: DROP POLICY mcpdb_tenant ON shop.orders; CREATE POLICY mcpdb_tenant ON shop.orders AS RESTRICTIVE FOR SELECT TO {app} USING ((SELECT mcpdb.ids()) IS NOT NULL)
policy_not_wrapped: CREATE POLICY bare ON shop.orders FOR SELECT TO {app} USING (tenant = ANY (mcpdb.ids()))
function_altered: ALTER FUNCTION mcpdb.tenant() RESET search_path
no_wall: DROP SCHEMA mcpdb CASCADE
nothing_to_read: REVOKE SELECT ON ALL TABLES IN SCHEMA shop, public FROM {app}; REVOKE SELECT (id, name) ON shop.stores FROM {app}
"""
