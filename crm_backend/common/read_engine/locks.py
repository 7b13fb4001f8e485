"""The row of a write, found and locked by a statement that is compiled once for each kind of request."""

from typing import Any

from django.db import connection

from crm_backend.common.read_engine.models import Rows, compile_rows
from crm_backend.common.read_engine.shapes import USER, Shapes, stand_in_view
from crm_backend.common.read_engine.statements import MadeUp, Unusual, is_in_range

locked: Shapes[Rows] = Shapes()


def locked_row(view: Any, pk: Any) -> tuple[bool, Any]:
    """Whether this was answered here, and a view's row, locked; None when the caller sees no such row."""
    if not connection.in_atomic_block or not getattr(view.caller, "role", "") or not is_in_range(pk):
        # Without a transaction there is no lock: the plain path says so.
        return False, None
    values: dict[Any, Any] = {
        USER: view.caller.pk,
        "pk": pk,
        **{("kwarg", name): value for name, value in view.kwargs.items()},
    }

    def build(made: MadeUp) -> Any:
        other = stand_in_view(view, made)
        return other.narrow(other._visible()).lock().filter(pk=made("pk", pk))

    key = (type(view), view.caller.role, tuple(view.kwargs), type(pk))
    rows = locked.get(key, lambda: compile_rows(build, values))
    if rows is None:
        return False, None
    try:
        found = rows.run(values)
    except Unusual:
        return False, None
    return True, found[0] if found else None
