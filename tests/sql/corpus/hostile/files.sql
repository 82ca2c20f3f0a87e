-- The server's files, programs, and large objects.
-- aim: value

-- name: file-read
SELECT pg_read_file('/etc/passwd')

-- name: file-read-relative
SELECT pg_read_file('postgresql.conf', 0, 100, true)

-- name: file-read-binary
SELECT encode(pg_read_binary_file('PG_VERSION'), 'hex')

-- name: file-list
SELECT * FROM pg_ls_dir('.')

-- name: file-list-logs
SELECT * FROM pg_ls_logdir()

-- name: file-list-wal
SELECT * FROM pg_ls_waldir()

-- name: file-list-temporary
SELECT * FROM pg_ls_tmpdir()

-- name: file-list-snapshots
SELECT * FROM pg_ls_logicalsnapdir()

-- name: file-status
SELECT * FROM pg_stat_file('postgresql.conf')

-- name: file-current-log
SELECT pg_current_logfile()

-- name: file-read-by-attribute
SELECT ('/etc/passwd'::text).pg_read_file

-- name: file-read-each-of-a-list
SELECT g.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS g

-- name: file-read-in-the-from-list
SELECT * FROM pg_read_file('/etc/passwd') AS f

-- name: file-lo-import
SELECT lo_import('/etc/passwd')

-- name: file-lo-export
SELECT lo_export(1, '/tmp/x')

-- name: file-lo-get
SELECT lo_get(1)

-- name: file-lo-open-and-read
SELECT loread(lo_open(1, 262144), 100)

-- name: file-xml-external-entity
SELECT xmlparse(DOCUMENT '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>')

-- name: file-extension-scripts
SELECT * FROM pg_extension_update_paths('vector')

-- name: file-of-a-table
SELECT pg_read_binary_file(pg_relation_filepath('shop.orders'))

-- name: file-adminpack
SELECT pg_file_write('/tmp/x', 'x', false)
