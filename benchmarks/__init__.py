"""Measurements that can be repeated: `reading` compares the same questions in a small and a large book.

Owns no tables and is no part of the running system. `grown` makes a book of any size by SQL alone,
`questions` lists what the API can be asked for, `plans` asks and shows how the database went about it. The
plan tests (`tests/project/test_plans.py`) use the same three. May import everything; nothing imports it.
"""
