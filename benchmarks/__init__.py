"""Measurements that can be repeated. `./crm bench` compares the product with a floor, written by hand.

Owns no tables and is no part of the running system. May import everything; nothing imports it.

`comparing` measures both `sides` in turn with `load`, a process that asks `calls` as fast as they are
answered, after `equality` has seen that they do the same; `running` has the ways to run it, `report` what it
leaves. `floor` is the other side. `books` keeps what `grown` makes: a book of any size, by SQL alone.

`sockets` measures notifications on their way to sockets, which `socket_load` holds.

`reading` compares how long the database itself takes for the same `questions` in a small and a large book;
`plans` asks and shows how it went about it. The plan tests (`tests/project/test_plans.py`) use these too.
"""
