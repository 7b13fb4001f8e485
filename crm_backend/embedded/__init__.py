"""The database and queue servers that the project brings along, and the supervisor over them.

Everything here works without Django being configured: ``./crm`` uses it to start the servers
that settings then point at, and the test run uses it before the first test is collected.
Start reading in :mod:`.servers`; :mod:`.base` holds what the two servers have in common.
"""
