-- Who and what else there is: roles, policies, sources of functions, settings, keys.
-- aim: value

-- name: catalog-keys
SELECT encode(ipad, 'hex') FROM mcpdb.keys

-- name: catalog-keys-count
SELECT count(*) FROM mcpdb.keys

-- name: catalog-keys-as-table
TABLE mcpdb.keys

-- name: catalog-authid
SELECT rolname, rolpassword FROM pg_authid

-- name: catalog-shadow
SELECT usename, passwd FROM pg_shadow

-- name: catalog-roles
-- varies: true
SELECT rolname, rolsuper FROM pg_roles

-- name: catalog-user-mappings
SELECT umoptions FROM pg_user_mappings

-- name: catalog-policies
SELECT tablename, policyname, roles, qual FROM pg_policies WHERE schemaname = 'shop'

-- name: catalog-policy-expressions
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy

-- name: catalog-function-sources
SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'mcpdb'::regnamespace

-- name: catalog-function-definition
SELECT pg_get_functiondef('mcpdb.tenant'::regproc)

-- name: catalog-tables
SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')

-- name: catalog-columns
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'shop'

-- name: catalog-privileges
SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants WHERE table_schema = 'shop'

-- name: catalog-information-schema-views
SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = 'shop'

-- name: catalog-settings
-- varies: true
SELECT name, setting FROM pg_settings

-- name: catalog-own-seal
-- varies: true
SELECT setting FROM pg_settings WHERE name = '{setting}'

-- name: catalog-show-all
-- varies: true
SELECT * FROM pg_show_all_settings()

-- name: catalog-hba
SELECT * FROM pg_hba_file_rules

-- name: catalog-config-files
SELECT * FROM pg_config

-- name: catalog-file-settings
SELECT * FROM pg_file_settings

-- name: catalog-databases
-- varies: true
SELECT datname, datacl FROM pg_database

-- name: catalog-role-settings
-- varies: true
SELECT setconfig FROM pg_db_role_setting

-- name: catalog-comment-of-the-wall
SELECT obj_description('mcpdb'::regnamespace, 'pg_namespace')

-- name: catalog-descriptions
SELECT description FROM pg_description WHERE classoid = 'pg_namespace'::regclass

-- name: catalog-membership
-- varies: true
SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members

-- name: catalog-has-privilege
SELECT has_table_privilege('shop.managers', 'SELECT'), has_column_privilege('shop.stores', 'secret', 'SELECT')

-- name: catalog-large-objects
SELECT loid, data FROM pg_largeobject

-- name: catalog-large-object-metadata
SELECT oid, lomowner FROM pg_largeobject_metadata

-- name: catalog-subscriptions
SELECT subconninfo FROM pg_subscription

-- name: catalog-replication-slots
SELECT slot_name FROM pg_replication_slots

-- name: catalog-materialized-view-statistics
SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE tablename = 'totals'

-- name: catalog-foreign-keys
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'shop'::regnamespace

-- name: catalog-enumerate-by-oid
SELECT n::regclass::text FROM generate_series(16384, 16500) n WHERE pg_table_is_visible(n::oid)

-- name: catalog-unqualified
SELECT relname FROM pg_class c NATURAL JOIN (SELECT oid AS relnamespace FROM pg_namespace WHERE nspname = 'mcpdb') n

-- name: catalog-version
SELECT version(), current_setting('data_directory', true)

-- name: catalog-server-address
-- varies: true
SELECT inet_server_addr(), inet_server_port(), pg_postmaster_start_time(), pg_conf_load_time()

-- name: catalog-who-am-i
SELECT current_user, session_user, current_role, user, current_catalog, current_schema

-- name: catalog-control-data
-- varies: true
SELECT system_identifier FROM pg_control_system()
