"""Answers reads by compiled statements, and falls back to the plain path.

A request is first read: what comes of it, a `PageRead`, `CursorRead` or `DetailRead`, says which shape is
filled with which values. Asking it is all that is left to do, for this request and for others of its kind
(see `lane`).
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from crm_backend.common import pagination
from crm_backend.common.read_engine import questions
from crm_backend.common.read_engine.errors import Undeclared
from crm_backend.common.read_engine.questions import Question
from crm_backend.common.read_engine.shapes import (
    LIST,
    RETRIEVE,
    USER,
    Shape,
    Shapes,
    context_of,
    cursor_shape,
    detail_shape,
    list_shape,
    refusal,
)
from crm_backend.common.read_engine.statements import Unusual, is_in_range
from crm_backend.common.recent import Recent
from crm_backend.common.roundtrip import DATA, Trip, trip_of

logger = structlog.get_logger(__name__)

# Shorter lists are counted each time; the count of a longer one is kept until something changes. What filters
# and a search find costs more to count.
COUNTED, FOUND = 1000, 100
# So many rows that filters and a search find are all found and put in order; a page of more, as far as their
# count is known, is looked for along the order, where of a million rows it is found among some ten thousand.
FEW = 1000
# Of so few rows in all, what filters and a search find is looked for among them by a statement that was
# planned before: to look at more would take longer than to plan.
SMALL = 500
# So long it is known that a caller sees more.
LARGE_SECONDS = 60
# How long a count outlives a change that no event announced, as of somebody at the database's own prompt.
COUNT_SECONDS = 30

Values = dict[Any, Any]
Context = Mapping[str, Any]

shapes: Shapes[Shape] = Shapes()
counts: Recent[int] = Recent(size=10_000, seconds=lambda: COUNT_SECONDS)
# Lists and readers who see more than `SMALL` rows of them.
large: Recent[None] = Recent(size=10_000, seconds=lambda: LARGE_SECONDS)


class Asking(NamedTuple):
    """What differs from one request of a kind to the next.

    Attributes:
        values: fill the slots for the caller and for keys in the address.
        trip: the request's trip to Redis.
        address: the absolute one, to which those of other pages are made.
        context: what serializers are to see of the request.
    """

    values: Values
    trip: Trip
    address: str
    context: Context


class Read(Protocol):
    """What a request of a kind asks, read once."""

    def answer(self, asking: Asking) -> Any:
        """The reply's body; None when there is no such row.

        Raises:
            Unusual: the plain path is to answer.
        """


# --- lists ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PageRead:
    """A page of a list, by offset.

    Attributes:
        scope: what the list is known by, whatever is asked of it.
        key: what its shape is known by.
        values: fill the slots of filters and search.
        is_derived: whether rows come and change without an event of their own, so that no count is kept.
        is_search: whether words are searched for.
    """

    shape: Shape
    scope: Hashable
    key: Hashable
    values: Values
    limit: int
    offset: int
    is_derived: bool
    is_search: bool

    def answer(self, asking: Asking) -> dict[str, Any]:
        """`{count, next, previous, results}`."""
        values = self.values | asking.values
        count, rows = self._among_few(values, asking) or self._counted(values, asking.trip)
        with context_of(asking.context):
            results = self.shape.make(rows)
        page = partial(pagination.page_link, asking.address, self.limit, self.offset)
        return {"count": count, "next": page(count, 1), "previous": page(count, -1), "results": results}

    def _among_few(self, values: Values, asking: Asking) -> tuple[int, list[tuple[Any, ...]]] | None:
        """The count and the page that filters or a search find among few rows; None among many."""
        if self.shape.found is None:
            return None
        reader = (self.scope, *(value for name, value in asking.values.items() if name != "pk"))
        if large.find(reader) is not None:
            return None
        found = self.shape.found.run_among(values, SMALL, self.limit, self.offset)
        if found is None:
            large.keep(reader, None, "")
        return found

    def _counted(self, values: Values, trip: Trip) -> tuple[int, list[tuple[Any, ...]]]:
        """The count, counted or kept since the last event, and the page.

        Every change of the domain is an event, which puts another generation in place before and after it
        is committed; what is derived from events later is counted each time.
        """
        statement, counting = self.shape.statement, self.shape.counting
        assert counting is not None
        generation = "" if self.is_derived else trip.generation(DATA)
        known_as = (self.key, str(sorted(values.items(), key=repr))) if generation else ""
        kept = counts.find(known_as) if generation else None
        if kept is not None and kept.generation == generation:
            return kept.value, self._page(values, kept.value)
        if self.is_search and self.shape.found is not None:
            # What is dear is to find them: once for count and page, whatever is found.
            count, rows = self.shape.found.run(values, self.limit, self.offset)
        elif statement.varies or self.offset:
            # PostgreSQL may look for a page that is not there along the whole order; a count it finds by
            # the filter.
            [(count,)] = counting.run(values) or [(0,)]
            rows = self._page(values, count)
        else:
            rows = statement.run_counted(values, counting, f" LIMIT {self.limit}")
            count = rows[0][-1] if rows else 0
        if generation and count > (FOUND if statement.varies else COUNTED):
            counts.keep(known_as, count, generation)
        return count, rows

    def _page(self, values: Values, count: int) -> list[tuple[Any, ...]]:
        """The page, of so many rows in all."""
        if count <= self.offset:
            return []
        statement = self.shape.statement
        if count <= FEW and self.shape.found is not None:
            # Along the order there may be thousands of others between them: PostgreSQL cannot know.
            return self.shape.found.run(values, self.limit, self.offset)[1]
        if self.offset:
            return statement.run(values, f" LIMIT {self.limit} OFFSET %s", self.offset)
        return statement.run(values, f" LIMIT {self.limit}")


@dataclass(frozen=True)
class CursorRead:
    """A page of a list, by cursor.

    Attributes:
        values: fill the slots of filters, search and the place where the page begins.
    """

    shape: Shape
    values: Values
    place: pagination.Cursor
    size: int

    def answer(self, asking: Asking) -> dict[str, Any]:
        """`{next, previous, results}`."""
        rows = self.shape.statement.run(self.values | asking.values, f" LIMIT {self.size + 1}")
        cursor = pagination.CursorPagination()
        cursor.place = self.place
        page = cursor.cut(rows, self.size)
        # The paginator reads the ends of the page only.
        cursor.page = [self._end(row) for row in ([page[0], page[-1]] if page else [])]
        cursor.address = asking.address
        with context_of(asking.context):
            results = self.shape.make(page)
        return {"next": cursor.get_next_link(), "previous": cursor.get_previous_link(), "results": results}

    def _end(self, row: tuple[Any, ...]) -> SimpleNamespace:
        """The values that order a row, which are selected after all others."""
        keys = self.shape.keys
        values = [key.read(value) for key, value in zip(keys, row[-len(keys) :], strict=True)]
        return SimpleNamespace(**{f"_k{number}": value for number, value in enumerate(values)})


def answer_list(view: Any) -> Any:
    """Reply to a list request, or None: the plain path is to do it."""
    if not _is_compiled(view, LIST) or type(view.paginator) is not pagination.LimitOffsetPagination:
        return None
    try:
        read = _list_read(view)
        if read is None:
            return None
        # What another action makes of a list is not the list.
        return _answered(view, read) if view.action == LIST else Response(read.answer(asking_of(view)))
    except (Unusual, APIException):
        # What is wrong with it, or the first of several such things, is the plain path's to say.
        return None
    except Undeclared as error:
        _undeclared(view, error)
        return None


@dataclass(frozen=True)
class Noted:
    """What a view found itself asked, for requests of the same kind (see `lane`)."""

    view: Any
    read: Read
    role: str


def noted_of(request: Any) -> Noted | None:
    """What was noted of a request, Django's or DRF's."""
    noted: Noted | None = getattr(request, "_request", request).__dict__.get("noted")
    return noted


def note(view: Any, read: Read) -> None:
    """Note what a request asks: its reply is the answer to this, whoever of the same role it is."""
    view.request._request.__dict__["noted"] = Noted(view, read, view.caller.role)


def _answered(view: Any, read: Read) -> Response:
    note(view, read)
    return Response(read.answer(asking_of(view)))


def _list_read(view: Any) -> Read | None:
    question = questions.read(view)
    if question is None:
        return None
    if "cursor" in view.request.query_params:
        return _cursor_read(view, question)
    paginator, request = view.paginator, view.request
    limit, offset = paginator.get_limit(request), paginator.get_offset(request)
    scope = _common_key(view, LIST)
    key = (*scope, question.key)
    given = question.values | values_of(view)
    shape = shapes.get(key, lambda: list_shape(view, question, given))
    if shape is None:
        return None
    is_search = bool(question.terms)
    return PageRead(shape, scope, key, question.values, limit, offset, view.is_derived, is_search)


def _cursor_read(view: Any, question: Question) -> Read | None:
    request = view.request
    view.paginator.get_offset(request)
    size = pagination.CursorPagination().get_page_size(request)
    key = (*_common_key(view, LIST), question.key, "cursor")
    given = question.values | values_of(view)
    shape = shapes.get(key, lambda: cursor_shape(view, question, given))
    if shape is None:
        return None
    ordering = tuple(key.term for key in shape.keys)
    text = request.query_params["cursor"]
    place = pagination.Cursor(ordering)
    values = question.values
    if text:
        try:
            place = pagination.Cursor.decode(text, ordering)
            values = question.values | _cursor_values(shape, place)
        except (ValueError, ValidationError):
            return None
        given = values | values_of(view)
        nulls = None if place.values is None else tuple(value is None for value in place.values)
        key = (*key, place.reverse, nulls)
        shape = shapes.get(key, lambda: cursor_shape(view, question, given, place))
    return None if shape is None else CursorRead(shape, values, place, size)


def _cursor_values(shape: Shape, place: pagination.Cursor) -> Values:
    """The values of a cursor, as strict as the plain path.

    Raises:
        ValueError, ValidationError: somebody made it up; the plain path says so.
    """
    found = {}
    for number, (key, text) in enumerate(zip(shape.keys, place.values or (), strict=False)):
        value = pagination.typed(key.field, text)
        if value is not None:
            if not is_in_range(value):
                raise ValueError(text)
            found["key", number] = value
    return found


# --- details ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DetailRead:
    """One row by its key, the value `pk`."""

    shape: Shape

    def answer(self, asking: Asking) -> dict[str, Any] | None:
        """The row, None when the caller sees no such row."""
        rows = self.shape.statement.run(asking.values)
        if not rows:
            return None
        with context_of(asking.context):
            return self.shape.plan.make(rows[0])


def answer_detail(view: Any, pk: Any) -> tuple[bool, dict[str, Any] | None]:
    """Whether this was answered here, and the detail of a row; None when the caller sees no such row."""
    if not _is_compiled(view, RETRIEVE) or not is_in_range(pk):
        return False, None
    values = {**values_of(view), "pk": pk}
    try:
        shape = shapes.get((*_common_key(view, RETRIEVE), type(pk)), lambda: detail_shape(view, pk, values))
        if shape is None:
            return False, None
        read = DetailRead(shape)
        if view.action == RETRIEVE:
            note(view, read)
        # No address: a detail has no other pages.
        asking = Asking(values, trip_of(view.request), "", view.get_serializer_context())
        return True, read.answer(asking)
    except (Unusual, APIException):
        return False, None
    except Undeclared as error:
        _undeclared(view, error)
        return False, None


# --- a view's own -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnRead:
    """What depends on nothing but who asks."""

    function: Callable[[int], Any]

    def answer(self, asking: Asking) -> Any:
        """What the function says of the caller's id."""
        return self.function(asking.values[USER])


def answer_own(view: Any, function: Callable[[int], Any]) -> Response:
    """Reply with what a function makes of the caller's id and the database, and of nothing else.

    Such a reply is the same for every request of a role at this address, so that those to come need not be
    dispatched for it.
    """
    return _answered(view, OwnRead(function))


# --- both -------------------------------------------------------------------------------------------


def asking_of(view: Any) -> Asking:
    """What a view is asked by the request at hand."""
    request = view.request
    return Asking(
        values_of(view), trip_of(request), request.build_absolute_uri(), view.get_serializer_context()
    )


def values_of(view: Any) -> Values:
    """The values of a request that fill the slots of any statement of its view."""
    return {USER: view.caller.pk, **{("kwarg", name): value for name, value in view.kwargs.items()}}


def _is_compiled(view: Any, action: str) -> bool:
    return settings.READ_ENGINE and not refusal(type(view), action) and bool(getattr(view.caller, "role", ""))


def _common_key(view: Any, action: str) -> tuple[Any, ...]:
    return type(view), action, view.caller.role, tuple(view.kwargs), view.selection_for(action)


def _undeclared(view: Any, error: Undeclared) -> None:
    """A computed value reads what it does not declare: our mistake, and no reason to fail the caller.

    Raises:
        Undeclared: where mistakes are to be found (`READ_ENGINE_STRICT`).
    """
    if settings.READ_ENGINE_STRICT:
        raise error
    logger.error("read_engine.undeclared", view=type(view).__name__, action=view.action, error=str(error))
