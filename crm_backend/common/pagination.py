"""Paging: `limit`/`offset` for everything, `cursor` for large or endless lists.

Any list takes either: `?cursor=` (empty for the first page) switches to cursor paging, which is
stable under inserts and as fast at the last page as at the first.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:
    from rest_framework.views import APIView

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


EVERY, NONE = ~Q(pk__in=[]), Q(pk__in=[])


@dataclass(frozen=True)
class Term:
    """One term of an ordering. PostgreSQL takes null for the greatest value."""

    path: str
    descending: bool
    field: Any

    def write(self, row: Any) -> str | None:
        """The value of a row, for a cursor."""
        for part in self.path.split("__"):
            row = getattr(row, part, None)
        if row is None:
            return None
        return row.isoformat() if isinstance(row, date) else str(row)

    def read(self, text: Any) -> Any:
        """The value in a cursor."""
        if text is not None and (not isinstance(text, str) or "\x00" in text):
            raise ValueError(text)
        return None if text is None else self.field.to_python(text)

    def same(self, value: Any) -> Q:
        """Rows with this value."""
        return Q(**{f"{self.path}__isnull": True}) if value is None else Q(**{self.path: value})

    def beyond(self, value: Any, *, backwards: bool) -> Q:
        """Rows that come after this value."""
        down = self.descending != backwards
        if value is None:
            return Q(**{f"{self.path}__isnull": False}) if down else NONE
        later = Q(**{f"{self.path}__{'lt' if down else 'gt'}": value})
        return later if down else later | Q(**{f"{self.path}__isnull": True})


class CursorPagination(pagination.CursorPagination):
    """`{next, previous, results}`, by the view's ordering with the primary key as tie-breaker.

    A cursor holds all values of the ordering, so rows with the same first value are no trouble however
    many they are, and neither are nulls.
    """

    page_size = DEFAULT_LIMIT
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows after, or before, the cursor's."""
        self.base_url = request.build_absolute_uri()
        terms = self._terms(queryset)
        backwards, position = self._decoded(request, terms)
        rows = queryset.order_by(*[("-" if t.descending != backwards else "") + t.path for t in terms])
        if position is not None:
            rows = rows.filter(self._after(terms, position, backwards=backwards))
        size = self.get_page_size(request) or DEFAULT_LIMIT
        try:
            found = list(rows[: size + 1])
        except (ValueError, ArithmeticError):
            raise NotFound(self.invalid_cursor_message) from None
        page = found[:size]
        more = len(found) > size
        if backwards:
            page.reverse()
        self.has_next = backwards or more
        self.has_previous = more if backwards else position is not None
        self._ends = [[t.write(row) for t in terms] for row in (page[0], page[-1])] if page else None
        return page

    def get_next_link(self) -> str | None:
        """The page after this one."""
        return self._link(backwards=False) if self.has_next and self._ends else None

    def get_previous_link(self) -> str | None:
        """The page before this one."""
        return self._link(backwards=True) if self.has_previous and self._ends else None

    def _link(self, *, backwards: bool) -> str:
        assert self._ends is not None
        data = orjson.dumps([int(backwards), self._ends[0 if backwards else 1]])
        cursor = urlsafe_b64encode(data).decode().rstrip("=")
        return str(replace_query_param(str(self.base_url), self.cursor_query_param, cursor))

    def _decoded(self, request: Request, terms: list[Term]) -> tuple[bool, list[Any] | None]:
        """Backwards or not, and the position; raises NotFound for a cursor that is not one of ours."""
        encoded = request.query_params[self.cursor_query_param]
        if not encoded:
            return False, None
        try:
            data = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
            backwards, texts = data
            return bool(backwards), [t.read(text) for t, text in zip(terms, texts, strict=True)]
        except (ValueError, TypeError, ArithmeticError, ValidationError):
            raise NotFound(self.invalid_cursor_message) from None

    @staticmethod
    def _after(terms: list[Term], position: list[Any], *, backwards: bool) -> Q:
        """Rows beyond the position, term by term."""
        first, value = terms[0], position[0]
        condition, same = NONE, EVERY
        for term, here in zip(terms, position, strict=True):
            condition |= same & term.beyond(here, backwards=backwards)
            same &= term.same(here)
        # Said once more for the first term alone, because an index can follow that.
        return (first.same(value) | first.beyond(value, backwards=backwards)) & condition

    @staticmethod
    def _terms(queryset: QuerySet[Any]) -> list[Term]:
        """The ordering; ties are broken by the primary key."""
        names = [str(name) for name in queryset.query.order_by] or ["-pk"]
        if not {"pk", "-pk", "id", "-id"} & set(names):
            names.append("-id" if names[0].startswith("-") else "id")
        terms = []
        for name in names:
            path, descending = name.removeprefix("-"), name.startswith("-")
            field: Any = queryset.query.annotations.get(path)
            if field is not None:
                field = field.output_field
            else:
                model = queryset.model
                for part in path.split("__"):
                    field = model._meta.pk if part == "pk" else model._meta.get_field(part)
                    model = field.related_model
            terms.append(Term(path, descending, field))
        return terms


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
            self.cursor = CursorPagination()
            return self.cursor.paginate_queryset(queryset, request, view)
        return super().paginate_queryset(queryset, request, view)

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
                parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
                                       "default": DEFAULT_LIMIT}  # fmt: skip
            else:
                parameter["schema"] = {"type": "integer", "minimum": 0, "default": 0}
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
