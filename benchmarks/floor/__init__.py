"""The floor: what the hot calls cost when they are written by hand for one database, and nothing else.

An ASGI application on asyncpg and orjson, without a framework. It checks the same tokens, applies the same
scopes, runs one statement for each read and gives the same bodies as the product: `benchmarks.equality`
compares them before anything is measured. It has no throttles, no logs, no filters that nobody measures, and
wakes no worker. Owns no tables, and is no part of the product. Start reading at `app`.
"""
