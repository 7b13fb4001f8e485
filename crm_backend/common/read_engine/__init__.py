"""Compiles what a view reads into one SQL statement, once for each shape of request.

A view says what its rows look like (a serializer), who sees them (`visible_to`), how they are loaded
(`querysets`), filtered, searched and ordered. None of that depends on the values in a request, so the
statement that comes of it can be made once and run for every request of the same shape: the same view,
action, role, filters, ordering and way of paging. `plans` compiles the serializer, `statements` finds the
request's values in the SQL, `questions` reads a request, `engine` keeps the shapes and answers.

The serializer stays the only source of the shape, and the plain path stays what it was: tests ask both and
compare. What cannot be compiled is refused with a reason, which `manage.py read_engine` lists.
"""
