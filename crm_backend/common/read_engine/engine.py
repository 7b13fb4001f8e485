"""Answers reads by compiled statements: keeps the shapes, and falls back to the plain path."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from rest_framework.exceptions import APIException

from crm_backend.common import pagination
from crm_backend.common.policy import Policy
from crm_backend.common.read_engine import questions
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.plans import Plan, compile_serializer, select
from crm_backend.common.read_engine.questions import Question
from crm_backend.common.read_engine.statements import (
    MadeUp,
    Statement,
    Unusual,
    compile_statement,
    is_in_range,
)
from crm_backend.common.recent import Recent
from crm_backend.common.roundtrip import DATA, trip_of

MAX_SHAPES = 1000
# Shorter lists are counted each time; the count of a longer one is kept until something changes.
COUNTED = 1000
# How long a count outlives a change that no event announced, as of somebody at the database's own prompt.
COUNT_SECONDS = 30

USER = "user"
# A database that there is not: what a stand-in does not know fails there, loudly.
NOWHERE = "nowhere"
LIST, RETRIEVE = "list", "retrieve"

# What stands for a key of an address, by the kind of key.
EXAMPLES = {"int": 1, "uuid": UUID(int=1)}

_context: ContextVar[Mapping[str, Any]] = ContextVar("serializer_context")


class CurrentContext(Mapping[str, Any]):
    """The serializer context of the request at hand, for serializers that outlive it."""

    def __getitem__(self, name: str) -> Any:
        return _context.get()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_context.get())

    def __len__(self) -> int:
        return len(_context.get())


@contextmanager
def context_of(view: Any) -> Iterator[None]:
    """Serializers see this view's request."""
    token = _context.set(view.get_serializer_context())
    try:
        yield
    finally:
        _context.reset(token)


@dataclass
class Shape:
    """A compiled read.

    Attributes:
        statement: selects the rows, in order; a page is its `LIMIT`.
        counting: counts them.
        plan: makes a row's reply.
        keys: for paging by cursor, the ordering's terms and the fields of their values.
    """

    statement: Statement
    plan: Plan
    counting: Statement | None = None
    keys: tuple[tuple[str, Any], ...] = ()

    def make(self, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """The replies for rows."""
        return list(map(self.plan.make, rows))


class Shapes:
    """The latest shapes, and the reasons of those that were refused."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Shape | Refused] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Shape]) -> Shape | None:
        """The shape of this key, made when it is new; None when it is refused."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                # In the lock: between finding and moving it, another thread's new shape could push it out.
                self._kept.move_to_end(key)
        if found is None:
            try:
                found = make()
            except Refused as reason:
                found = reason
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > MAX_SHAPES:
                    self._kept.popitem(last=False)
        return None if isinstance(found, Refused) else found


shapes = Shapes()
counts: Recent[int] = Recent(size=10_000, seconds=lambda: COUNT_SECONDS)


# --- standing in ------------------------------------------------------------------------------------


class _Closed(Mapping[str, Any]):
    """What a compiled view must not look at: its statement would depend on it."""

    def __getitem__(self, name: str) -> Any:
        raise Refused(f"the rows depend on {name!r} of the request")

    def __iter__(self) -> Iterator[str]:
        raise Refused("the rows depend on the request")

    def __len__(self) -> int:
        raise Refused("the rows depend on the request")


def stand_in_user(role: str, pk: int) -> Any:
    """An active user of whom role and id are known, and nothing else can be asked."""
    model: Any = get_user_model()
    return model.stand_in(pk=pk, role=role)


def stand_in_view(view: Any, made: MadeUp) -> Any:
    """The view as it is for any request of this shape: with made-up ids and a user of the same role."""
    other = type(view)()
    user = stand_in_user(view.caller.role, made(USER, 1))
    other.request = SimpleNamespace(user=user, query_params=_Closed(), method="GET", path=view.request.path)
    other.action, other.format_kwarg, other.args = view.action, None, ()
    other.selection = view.selection
    other.kwargs = {name: made(("kwarg", name), value) for name, value in view.kwargs.items()}
    parent = getattr(view, "parent_model", None)
    if parent is not None:
        other.parent = parent.from_db(NOWHERE, ["id"], [other.kwargs[f"{view.parent_field}_id"]])
    return other


def values_of(view: Any) -> dict[Any, Any]:
    """The values of a request that fill the slots of any statement of its view."""
    return {USER: view.caller.pk, **{("kwarg", name): value for name, value in view.kwargs.items()}}


# --- whether ----------------------------------------------------------------------------------------


def refusal(view_class: Any, action: str) -> str:
    """Why a view's action is never compiled; empty when it may be."""
    if view_class.plain_because:
        return str(view_class.plain_because)
    if own := view_class.own_ways():
        return f"{', '.join(own)}: the view's own"
    if action == RETRIEVE and _conditional(getattr(view_class, "policy", None)):
        return "reading is allowed under a condition on the object"
    return ""


def _conditional(policy: Policy | None) -> bool:
    return policy is not None and any(grant.condition for grant in policy.actions.get(RETRIEVE, {}).values())


def _is_compiled(view: Any, action: str) -> bool:
    return settings.READ_ENGINE and not refusal(type(view), action) and bool(getattr(view.caller, "role", ""))


def _common_key(view: Any, action: str) -> tuple[Any, ...]:
    return type(view), action, view.caller.role, tuple(view.kwargs), view.selection_for(action)


# --- lists ------------------------------------------------------------------------------------------


def answer_list(view: Any) -> Any:
    """Reply to a list request, or None: the plain path is to do it."""
    if not _is_compiled(view, LIST) or type(view.paginator) is not pagination.LimitOffsetPagination:
        return None
    question = questions.read(view)
    if question is None:
        return None
    question.values |= values_of(view)
    try:
        if "cursor" in view.request.query_params:
            return _by_cursor(view, question)
        return _by_offset(view, question)
    except (Unusual, APIException):
        # What is wrong with it, or the first of several such things, is the plain path's to say.
        return None


def _by_offset(view: Any, question: Question) -> Any:
    paginator, request = view.paginator, view.request
    limit, offset = paginator.get_limit(request), paginator.get_offset(request)
    key = (*_common_key(view, LIST), question.key)
    shape = shapes.get(key, lambda: list_shape(view, question))
    if shape is None:
        return None
    paginator.limit, paginator.offset, paginator.request = limit, offset, request
    # PostgreSQL may look for a page that is not there along the whole order; a count it finds by the filter.
    counted = _count(view, key, shape, question.values) if shape.statement.varies else None
    rows = [] if counted is not None and counted <= offset else _page(shape, question.values, limit, offset)
    if counted is None:
        is_end = len(rows) < limit and (rows or not offset)
        counted = offset + len(rows) if is_end else _count(view, key, shape, question.values)
    paginator.count = counted
    with context_of(view):
        return paginator.get_paginated_response(shape.make(rows))


def _page(shape: Shape, values: dict[Any, Any], limit: int, offset: int) -> list[tuple[Any, ...]]:
    if offset:
        return shape.statement.run(values, f" LIMIT {limit} OFFSET %s", offset)
    return shape.statement.run(values, f" LIMIT {limit}")


def _count(view: Any, key: Hashable, shape: Shape, values: dict[Any, Any]) -> int:
    """How many rows there are: counted, or kept since the last event.

    Every change of the domain is an event, which puts another generation in place before and after it is
    committed; what is derived from events later is counted each time.
    """
    assert shape.counting is not None
    generation = "" if view.is_derived else trip_of(view.request).generation(DATA)
    known_as = repr((key, sorted(values.items(), key=repr))).encode()
    kept = counts.find(known_as) if generation else None
    if kept is not None and kept.generation == generation:
        return kept.value
    [(count,)] = shape.counting.run(values) or [(0,)]
    if generation and count > COUNTED:
        counts.keep(known_as, count, generation)
    return int(count)


def list_shape(view: Any, question: Question) -> Shape:
    """Compile a list.

    Raises:
        Refused: with the reason.
    """
    first = _rows(view, LIST, question, MadeUp(1))
    with context_of(stand_in_view(view, MadeUp(1))):
        plan, selection = compile_serializer(_serializer(view, LIST), first)

    def build(made: MadeUp) -> Any:
        return select(_rows(view, LIST, question, made), selection)

    def build_counted(made: Any) -> Any:
        return _rows(view, LIST, question, made).order_by().prefetch_related(None).values("pk")

    counted = compile_statement(build_counted, question.values)
    return Shape(compile_statement(build, question.values), plan, counted.counting())


def _rows(view: Any, action: str, question: Question, made: MadeUp) -> Any:
    other = stand_in_view(view, made)
    rows = other.rows_for(action)
    if action == LIST:
        rows = questions.apply(question, rows, other, made)
    return rows


def _serializer(view: Any, action: str) -> Any:
    return view.shown_by(action)(context=CurrentContext())


# --- lists by cursor ----------------------------------------------------------------------------------


def _by_cursor(view: Any, question: Question) -> Any:
    paginator, request = view.paginator, view.request
    paginator.get_offset(request)
    cursor = pagination.CursorPagination()
    size = cursor.get_page_size(request)
    key = (*_common_key(view, LIST), question.key, "cursor")
    first = shapes.get(key, lambda: _cursor_shape(view, question, None, {}))
    if first is None:
        return None
    ordering = tuple(term for term, _ in first.keys)
    text = request.query_params["cursor"]
    place = pagination.Cursor(ordering)
    shape: Shape | None = first
    if text:
        try:
            place = pagination.Cursor.decode(text, ordering)
            values = _cursor_values(first, place)
        except (ValueError, ValidationError):
            return None
        question.values |= values
        given = place.values
        nulls = None if given is None else tuple(value is None for value in given)
        shape = shapes.get((*key, place.reverse, nulls), lambda: _cursor_shape(view, question, place, values))
    if shape is None:
        return None
    rows = shape.statement.run(question.values, f" LIMIT {size + 1}")
    cursor.request, cursor.place = request, place
    page = cursor.cut(rows, size)
    width = len(page[0]) - len(ordering) if page else 0
    # The paginator reads the ends of the page only.
    cursor.page = [SimpleNamespace(**_keys(row[width:])) for row in ([page[0], page[-1]] if page else [])]
    with context_of(view):
        return cursor.get_paginated_response(shape.make(page))


def _keys(values: tuple[Any, ...]) -> dict[str, Any]:
    return {f"_k{number}": value for number, value in enumerate(values)}


def _cursor_values(shape: Shape, place: Any) -> dict[Any, Any]:
    """The values of a cursor, as strict as the plain path.

    Raises:
        ValueError, ValidationError: somebody made it up; the plain path says so.
    """
    found = {}
    for number, ((_, one), text) in enumerate(zip(shape.keys, place.values or (), strict=False)):
        value = pagination.typed(one, text)
        if value is not None:
            if not is_in_range(value):
                raise ValueError(text)
            found["key", number] = value
    return found


def _cursor_shape(view: Any, question: Question, place: Any, values: dict[Any, Any]) -> Shape:
    first = _rows(view, LIST, question, MadeUp(1))
    ordering = pagination.ordering_of(first)
    position = place or pagination.Cursor(ordering)
    with context_of(stand_in_view(view, MadeUp(1))):
        plan, selection = compile_serializer(_serializer(view, LIST), first)
    keyed, terms = pagination.keyed(first, ordering)
    fields = [keyed.query.annotations[term.lstrip("-")].output_field for term in terms]

    def build(made: MadeUp) -> Any:
        rows, names = pagination.keyed(_rows(view, LIST, question, made), ordering)
        if position.values is not None:
            made_up = [
                None if text is None else made(("key", number), values["key", number])
                for number, text in enumerate(position.values)
            ]
            rows = pagination.narrowed(rows, names, made_up, reverse=position.reverse)
        rows = rows.reverse() if position.reverse else rows
        return select(rows, selection, *(name.lstrip("-") for name in names))

    keys = tuple(zip(ordering, fields, strict=True))
    return Shape(compile_statement(build, question.values), plan, keys=keys)


# --- details ----------------------------------------------------------------------------------------


def answer_detail(view: Any, pk: Any) -> tuple[bool, dict[str, Any] | None]:
    """Whether this was answered here, and the detail of a row; None when the caller sees no such row."""
    if not _is_compiled(view, RETRIEVE) or not is_in_range(pk):
        return False, None
    try:
        shape = shapes.get((*_common_key(view, RETRIEVE), type(pk)), lambda: detail_shape(view, pk))
        if shape is None:
            return False, None
        rows = shape.statement.run({**values_of(view), "pk": pk})
    except (Unusual, APIException):
        return False, None
    if not rows:
        return True, None
    with context_of(view):
        return True, shape.plan.make(rows[0])


def detail_shape(view: Any, pk: Any) -> Shape:
    """Compile a detail.

    Raises:
        Refused: with the reason.
    """
    first = _rows(view, RETRIEVE, Question(), MadeUp(1))
    with context_of(stand_in_view(view, MadeUp(1))):
        plan, selection = compile_serializer(_serializer(view, RETRIEVE), first)

    def build(made: MadeUp) -> Any:
        rows = _rows(view, RETRIEVE, Question(), made).filter(pk=made("pk", pk)).order_by()
        return select(rows, selection)

    return Shape(compile_statement(build, {**values_of(view), "pk": pk}), plan)
