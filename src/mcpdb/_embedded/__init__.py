"""The parts of `mcpdb.embedded`: the system user, the data folder, the programs, the server.

All of it is blocking code for POSIX systems; `mcpdb.embedded` calls it in a thread.
"""
