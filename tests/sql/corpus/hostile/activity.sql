-- What others are doing at this moment: their statements, their sessions, their settings.
-- aim: metadata

-- name: activity-query
SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()

-- name: activity-all-of-it
-- varies: true
SELECT * FROM pg_stat_activity

-- name: activity-by-function
SELECT query FROM pg_stat_get_activity({victim_pid})

-- name: activity-by-backend-id
SELECT pg_stat_get_backend_activity(b) FROM pg_stat_get_backend_idset() b WHERE pg_stat_get_backend_pid(b) = {victim_pid}

-- name: activity-wait-event
SELECT state, wait_event_type, wait_event FROM pg_stat_activity WHERE pid = {victim_pid}

-- name: activity-who-is-connected
SELECT usename IS NULL, count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1

-- name: activity-addresses
-- varies: true
SELECT client_addr, client_port, backend_start, xact_start FROM pg_stat_activity WHERE pid = {victim_pid}

-- name: activity-application-name
SELECT application_name FROM pg_stat_activity WHERE pid = {victim_pid}

-- name: activity-statements
SELECT query, rows FROM pg_stat_statements

-- name: activity-prepared-statements
SELECT name, statement FROM pg_prepared_statements

-- name: activity-cursors
SELECT name FROM pg_cursors

-- name: activity-prepared-transactions
SELECT gid, owner FROM pg_prepared_xacts

-- name: activity-locks-of-others
SELECT locktype, mode, granted FROM pg_locks WHERE pid = {victim_pid}

-- name: activity-blocking-pids
SELECT pg_blocking_pids({victim_pid}), pg_safe_snapshot_blocking_pids({victim_pid})

-- name: activity-replication
SELECT * FROM pg_stat_replication

-- name: activity-progress
SELECT * FROM pg_stat_progress_vacuum

-- name: activity-ssl
SELECT ssl FROM pg_stat_ssl WHERE pid = {victim_pid}

-- name: activity-snapshot
-- varies: true
SELECT pg_current_snapshot(), pg_snapshot_xmin(pg_current_snapshot())

-- name: activity-transaction-status
-- varies: true
SELECT pg_xact_status('3'::xid8), pg_current_wal_lsn()

-- name: activity-own-query-text
SELECT current_query()
