"""Paging: `limit`/`offset` for everything, `cursor` for large or endless lists.

Any list takes either: `?cursor=` (empty for the first page) switches to cursor paging, which is
stable under inserts and as fast at the last page as at the first.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import orjson
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Col
from django.db.models.sql.constants import LOUTER
from django.utils.timezone import is_naive
from rest_framework import exceptions as drf
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

if TYPE_CHECKING:
    from rest_framework.views import APIView

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_ROWS = 10**18 - 1

_KEYS = {"pk", "-pk", "id", "-id"}
_NOTHING = Q(pk__in=[])
_CURSOR = re.compile(r"([?&]cursor=)[^&#]*")
_PLACE = "-cursor-"  # as an address writes it, and no cursor is


def with_key(ordering: Sequence[str]) -> list[str]:
    """The ordering, ended by the primary key, so that every row has a place of its own."""
    if _KEYS & set(ordering):
        return list(ordering)
    return [*ordering, "-id" if ordering[0].startswith("-") else "id"]


def ordering_of(queryset: QuerySet[Any]) -> tuple[str, ...]:
    """The ordering of a queryset, ended by the primary key."""
    return tuple(with_key([str(term) for term in queryset.query.order_by] or ["-pk"]))


def beyond(terms: Sequence[str], values: Sequence[Any], reverse: bool) -> Q:
    """The rows that come after the one with these values, before it when in reverse.

    NULLs are where PostgreSQL puts them: last when ascending, first when descending.
    """
    found, equal = _NOTHING, Q()
    for term, value in zip(terms, values, strict=True):
        name, down = _parts(term, reverse)
        found |= equal & _after(name, value, down)
        equal &= Q(**({f"{name}__isnull": True} if value is None else {name: value}))
    return found


def _parts(term: str, reverse: bool) -> tuple[str, bool]:
    """The name in a term, and whether it descends."""
    return term.lstrip("-"), term.startswith("-") != reverse


def _after(name: str, value: Any, down: bool) -> Q:
    if value is None:
        return Q(**{f"{name}__isnull": False}) if down else _NOTHING
    if down:
        return Q(**{f"{name}__lt": value})
    return Q(**{f"{name}__gt": value}) | Q(**{f"{name}__isnull": True})


def _bound(term: str, value: Any, reverse: bool, nullable: bool) -> Q:
    """What `beyond` means for the first term alone: a range, from whose end an index scan can start."""
    name, down = _parts(term, reverse)
    if value is None or (nullable and not down):
        return Q()
    return Q(**{f"{name}__{'lte' if down else 'gte'}": value})


def _is_nullable(queryset: QuerySet[Any], name: str) -> bool:
    """Whether an annotation may be NULL: anything but a required column of a joined row may."""
    column = queryset.query.annotations[name]
    if not isinstance(column, Col):
        return True
    join = queryset.query.alias_map[column.alias]
    return bool(column.target.null) or join.join_type == LOUTER


def keyed(queryset: QuerySet[Any], ordering: Sequence[str]) -> tuple[QuerySet[Any], list[str]]:
    """The rows with each value that orders them, and the ordering in those terms.

    An annotation takes the join that the queryset has; a filter across a relation would take a
    second one, and so compare with another related row than the one that orders.
    """
    names = {f"_k{number}": term for number, term in enumerate(ordering)}
    rows = queryset.annotate(**{key: F(term.lstrip("-")) for key, term in names.items()})
    terms = [f"-{key}" if term.startswith("-") else key for key, term in names.items()]
    return rows.order_by(*terms), terms


def narrowed(
    rows: QuerySet[Any], terms: Sequence[str], values: Sequence[Any], *, reverse: bool
) -> QuerySet[Any]:
    """The keyed rows that come after the one with these values, before it when in reverse."""
    nullable = _is_nullable(rows, _parts(terms[0], False)[0])
    rows = rows.filter(_bound(terms[0], values[0], reverse, nullable))
    return rows.filter(beyond(terms, values, reverse))


def typed(field: Any, text: str | None) -> Any:
    """The value that a cursor's text stands for in a field, as strict as if we had written it.

    Raises:
        ValueError, ValidationError: it is not one that we wrote.
    """
    if text is None:
        return None
    value = field.to_python(text)
    if str(value) != text or (isinstance(value, datetime) and is_naive(value)):
        raise ValueError(text)
    return value


@dataclass(frozen=True)
class Cursor:
    """A place between two rows, and the way to go from there.

    Attributes:
        ordering: the ordering in which the place is one; in another it would mean nothing.
        reverse: whether the page is before the place.
        values: the ordering's values of the row at hand; None for the beginning, or the end in reverse.
    """

    ordering: tuple[str, ...]
    reverse: bool = False
    values: tuple[str | None, ...] | None = None

    def encode(self) -> str:
        """As text for an address."""
        body = orjson.dumps([",".join(self.ordering), self.reverse, self.values])
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, ordering: tuple[str, ...]) -> Self:
        """Read what `encode` wrote.

        Raises:
            ValueError: it did not write this, or did for another ordering.
        """
        body = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        match body:
            case [str(joined), bool(reverse), None] if joined == ",".join(ordering):
                return cls(ordering, reverse)
            case [str(joined), bool(reverse), list(values)] if joined == ",".join(ordering):
                if len(values) == len(ordering) and all(isinstance(v, str | None) for v in values):
                    return cls(ordering, reverse, tuple(values))
        raise ValueError(text)


def whole_number(request: Request, name: str, default: int, least: int) -> int:
    """A query parameter that counts rows.

    Raises:
        ValidationError: it is no whole number, or too small; read as the default, it would show other rows.
    """
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise drf.ValidationError({name: [f"Must be a whole number from {least}."]})
    return int(text)


class CursorPagination(pagination.CursorPagination):
    """`{next, previous, results}` by keyset: a page is the rows beyond the last one that was seen.

    DRF's own compares the first term of the ordering only and counts through ties; it never ends
    when there are very many, and leaves out rows without a value. This compares all terms, the
    primary key at their end, so a page costs the same wherever it is.
    """

    page_size = DEFAULT_LIMIT
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"

    def paginate_queryset(
        self, queryset: Any, request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        """Return one page of rows; a cursor that somebody made up is not found."""
        self.address = request.build_absolute_uri()
        ordering = tuple(self.get_ordering(request, queryset, view))
        text = request.query_params.get(self.cursor_query_param)
        try:
            self.place = Cursor.decode(text, ordering) if text else Cursor(ordering)
            self.page = self._load(queryset, self.get_page_size(request))
        except (ValueError, ValidationError, DataError):
            # The values in the cursor go to the database: they may not be of the columns' types.
            if not text:
                raise
            raise NotFound(self.invalid_cursor_message) from None
        return self.page

    def get_page_size(self, request: Request) -> int:
        """The limit asked for, as far as the cap allows."""
        return min(whole_number(request, "limit", DEFAULT_LIMIT, 1), MAX_LIMIT)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """The ordering asked for or the view's default; ties are broken by the primary key."""
        return ordering_of(queryset)

    def get_next_link(self) -> str | None:
        """The address of the next page."""
        return self._link(reverse=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        """The address of the previous page."""
        return self._link(reverse=True) if self.has_previous else None

    def _load(self, queryset: QuerySet[Any], size: int) -> list[Any]:
        """Read the page, and one row more to know whether there is another."""
        place = self.place
        rows, terms = keyed(queryset, place.ordering)
        if place.values is not None:
            columns = [rows.query.annotations[_parts(term, False)[0]] for term in terms]
            values = [
                typed(column.output_field, text) for column, text in zip(columns, place.values, strict=True)
            ]
            rows = narrowed(rows, terms, values, reverse=place.reverse)
        return self.cut(list((rows.reverse() if place.reverse else rows)[: size + 1]), size)

    def cut(self, found: list[Any], size: int) -> list[Any]:
        """The page out of rows that may be one more than it has; notes whether there are others."""
        place = self.place
        more, came_from = len(found) > size, place.values is not None
        self.has_previous, self.has_next = (more, came_from) if place.reverse else (came_from, more)
        return found[:size][::-1] if place.reverse else found[:size]

    def _link(self, *, reverse: bool) -> str:
        """The page beyond this one's outermost row, or from an empty page, all the way back."""
        values = None
        if self.page:
            row = self.page[0 if reverse else -1]
            found = [getattr(row, f"_k{number}") for number in range(len(self.place.ordering))]
            values = tuple(None if value is None else str(value) for value in found)
        text = Cursor(self.place.ordering, reverse, values).encode()
        return _cursor_address(_CURSOR.sub(r"\1", self.address)).replace(_PLACE, text)


@lru_cache(1000)
def _cursor_address(address: str) -> str:
    """The address with a place for a cursor; a cursor that is in it would make it another one each time."""
    return str(replace_query_param(address, CursorPagination.cursor_query_param, _PLACE))


def page_link(address: str, limit: int, offset: int, count: int, way: int) -> str | None:
    """The address of the page after (`way` 1) or before (-1) the one at `address`, if there is one."""
    if offset + limit >= count if way > 0 else offset <= 0:
        return None
    return _page_address(address, limit, max(0, offset + way * limit))


@lru_cache(1000)
def _page_address(address: str, limit: int, offset: int) -> str:
    address = replace_query_param(address, "limit", limit)
    return replace_query_param(address, "offset", offset) if offset else remove_query_param(address, "offset")


class LimitOffsetPagination(pagination.LimitOffsetPagination):
    """`{count, next, previous, results}`; hands over to cursor paging when `cursor` is given."""

    default_limit = DEFAULT_LIMIT
    max_limit = MAX_LIMIT

    def __init__(self) -> None:
        self.cursor: CursorPagination | None = None

    def paginate_queryset(
        self, queryset: Any, request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        """Return one page of rows, counted only when the caller pages by offset."""
        if "cursor" in request.query_params:
            self.get_offset(request)  # for its refusal: it has no other meaning here
            self.cursor = CursorPagination()
            return self.cursor.paginate_queryset(queryset, request, view)
        return super().paginate_queryset(queryset, request, view)

    def get_limit(self, request: Request) -> int:
        """The limit asked for, as far as the cap allows."""
        return min(whole_number(request, "limit", DEFAULT_LIMIT, 1), MAX_LIMIT)

    def get_offset(self, request: Request) -> int:
        """How many rows to pass over."""
        return whole_number(request, "offset", 0, 0)

    def get_count(self, queryset: Any) -> int:
        """Count bare rows: annotations and joins made for the page would only slow it."""
        if queryset.query.distinct or queryset.query.combinator:
            return queryset.count()
        return queryset.order_by().values("pk").count()

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap a page."""
        if self.cursor is not None:
            return self.cursor.get_paginated_response(data)
        return super().get_paginated_response(data)

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        """`limit`, `offset` and `cursor` in the OpenAPI document."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == "limit":
                parameter["schema"] = {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_ROWS,
                    "default": DEFAULT_LIMIT,
                }
                parameter["description"] = f"Rows of a page; more than {MAX_LIMIT} are read as {MAX_LIMIT}."
            else:
                parameter["schema"] = {"type": "integer", "minimum": 0, "maximum": MAX_ROWS, "default": 0}
                parameter["description"] = "Rows to pass over."
        return [
            *parameters,
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Switches to cursor paging: empty for the first page, then as in "
                "`next`. The reply then has no `count`.",
                "schema": {"type": "string"},
            },
        ]
