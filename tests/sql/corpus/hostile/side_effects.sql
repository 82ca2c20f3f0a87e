-- What READ ONLY does not stop, or should: things that a SELECT leaves behind or does to others.
-- aim: side-effect

-- name: effect-nextval
SELECT nextval('shop.order_numbers')

-- name: effect-setval
SELECT setval('shop.order_numbers', 1)

-- name: effect-notify
SELECT pg_notify('orders', 'all is well')

-- name: effect-advisory-lock
SELECT pg_advisory_lock(7225003)

-- name: effect-advisory-lock-all
SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 500) n

-- name: effect-try-advisory-lock
SELECT pg_try_advisory_lock(1, 2), pg_try_advisory_xact_lock_shared(3)

-- name: effect-advisory-xact-lock
SELECT pg_advisory_xact_lock_shared(42), pg_advisory_xact_lock(43)

-- name: effect-advisory-unlock-all
SELECT pg_advisory_unlock_all()

-- name: effect-emit-message
SELECT pg_logical_emit_message(false, 'm', 'text') IS NOT NULL

-- name: effect-emit-message-transactional
SELECT pg_logical_emit_message(true, 'm', 'text') IS NOT NULL

-- name: effect-transaction-id
SELECT pg_current_xact_id() IS NOT NULL

-- name: effect-transaction-id-old-name
SELECT txid_current() > 0

-- name: effect-setseed
SELECT setseed(0.5)

-- name: effect-export-snapshot
SELECT pg_export_snapshot() <> ''

-- name: effect-lo-creat
SELECT lo_creat(-1) > 0

-- name: effect-lo-create
SELECT lo_create(4711)

-- name: effect-lo-from-bytea
SELECT lo_from_bytea(0, 'x'::bytea) > 0

-- name: effect-terminate-victim
SELECT pg_terminate_backend({victim_pid})

-- name: effect-cancel-victim
SELECT pg_cancel_backend({victim_pid})

-- name: effect-terminate-by-activity
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(600)%'

-- name: effect-terminate-and-wait
-- varies: true
SELECT pg_terminate_backend({victim_pid}, 100)

-- name: effect-terminate-in-where
-- varies: true
SELECT canary FROM shop.orders WHERE pg_terminate_backend({victim_pid})

-- name: effect-terminate-by-attribute
SELECT ({victim_pid}).pg_cancel_backend

-- name: effect-terminate-self
-- varies: true
SELECT pg_terminate_backend(pg_backend_pid())

-- name: effect-log-memory-contexts
SELECT pg_log_backend_memory_contexts({victim_pid})

-- name: effect-reload-conf
SELECT pg_reload_conf()

-- name: effect-rotate-logfile
SELECT pg_rotate_logfile()

-- name: effect-switch-wal
SELECT pg_switch_wal()

-- name: effect-checkpoint-function
SELECT pg_create_restore_point('x')

-- name: effect-promote
SELECT pg_promote()

-- name: effect-stat-reset
SELECT pg_stat_reset()

-- name: effect-stat-reset-one
SELECT pg_stat_reset_single_table_counters('shop.orders'::regclass)

-- name: effect-stat-clear-snapshot
SELECT pg_stat_clear_snapshot()

-- name: effect-wal-replay-pause
SELECT pg_wal_replay_pause()

-- name: effect-replication-slot
SELECT pg_create_logical_replication_slot('s', 'test_decoding')

-- name: effect-replication-origin
SELECT pg_replication_origin_create('o')

-- name: effect-import-collations
SELECT pg_import_system_collations('pg_catalog')

-- name: effect-set-statement-timeout
SELECT set_config('statement_timeout', '0', false)

-- name: effect-set-transaction-timeout
-- since: 17
SELECT set_config('transaction_timeout', '0', true)

-- name: effect-set-lock-timeout
SELECT set_config('lock_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false)

-- name: effect-set-work-mem
SELECT set_config('work_mem', '2GB', true)

-- name: effect-set-temp-file-limit
SELECT set_config('temp_file_limit', '-1', true)

-- name: effect-set-application-name
SELECT set_config('application_name', 'administrator', false)

-- name: effect-set-time-zone
SELECT set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'German', false)

-- name: effect-set-read-write
SELECT set_config('transaction_read_only', 'off', true)

-- name: effect-set-isolation
SELECT set_config('transaction_isolation', 'serializable', true)

-- name: effect-start-backup
SELECT pg_backup_start('x')

-- name: effect-statistics-restored
-- since: 18
SELECT pg_restore_relation_stats('schemaname', 'shop', 'relname', 'orders', 'reltuples', 1::real)

-- name: effect-statistics-cleared
-- since: 18
SELECT pg_clear_relation_stats('shop', 'orders')

-- name: effect-new-key
SELECT mcpdb.new_key('enter')

-- name: effect-vector-setting
SELECT set_config('hnsw.ef_search', '1000', true)
