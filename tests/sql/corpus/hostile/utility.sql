-- Statements that are none of SELECT's.
-- aim: side-effect

-- name: utility-commit
COMMIT

-- name: utility-rollback
ROLLBACK

-- name: utility-savepoint
SAVEPOINT s

-- name: utility-set
SET {setting} = '{foreign}'

-- name: utility-set-local
SET LOCAL statement_timeout = 0

-- name: utility-set-role
SET ROLE postgres

-- name: utility-reset-role
RESET ROLE

-- name: utility-reset-all
RESET ALL

-- name: utility-set-session-authorization
SET SESSION AUTHORIZATION postgres

-- name: utility-set-transaction
SET TRANSACTION READ WRITE

-- name: utility-set-transaction-snapshot
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'

-- name: utility-show
SHOW server_version

-- name: utility-show-all
SHOW ALL

-- name: utility-do
DO $$ BEGIN PERFORM 1; END $$

-- name: utility-call
CALL shop.order_count()

-- name: utility-prepare
PREPARE p AS SELECT canary FROM shop.orders

-- name: utility-execute
EXECUTE p

-- name: utility-deallocate
DEALLOCATE ALL

-- name: utility-declare
DECLARE c CURSOR WITH HOLD FOR SELECT canary FROM shop.orders

-- name: utility-fetch
FETCH ALL FROM c

-- name: utility-listen
LISTEN orders

-- name: utility-notify
NOTIFY orders, 'x'

-- name: utility-lock
LOCK TABLE shop.orders IN ACCESS SHARE MODE

-- name: utility-lock-exclusive
LOCK TABLE shop.orders

-- name: utility-discard
DISCARD ALL

-- name: utility-load
LOAD 'auto_explain'

-- name: utility-vacuum
VACUUM shop.orders

-- name: utility-analyze
ANALYZE shop.orders

-- name: utility-checkpoint
CHECKPOINT

-- name: utility-alter-system
ALTER SYSTEM SET row_security = off

-- name: utility-create-extension
CREATE EXTENSION dblink

-- name: utility-reassign
REASSIGN OWNED BY CURRENT_USER TO postgres

-- name: utility-refresh
REFRESH MATERIALIZED VIEW shop.totals

-- name: utility-prepare-transaction
PREPARE TRANSACTION 'x'

-- name: utility-security-label
SECURITY LABEL ON TABLE shop.orders IS 'x'
