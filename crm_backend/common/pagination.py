"""Paging: `limit`/`offset` for everything, `cursor` for large or endless lists.

Any list takes either: `?cursor=` (empty for the first page) switches to cursor paging, which is
stable under inserts and as fast at the last page as at the first.
"""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:
    from rest_framework.views import APIView

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class CursorPagination(pagination.CursorPagination):
    """`{next, previous, results}`, by the view's ordering with the primary key as tie-breaker."""

    page_size = DEFAULT_LIMIT
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """The ordering asked for or the view's default; ties are broken by the primary key."""
        ordering = [str(term) for term in queryset.query.order_by] or ["-pk"]
        if not {"pk", "-pk", "id", "-id"} & set(ordering):
            ordering.append("-id" if ordering[0].startswith("-") else "id")
        return tuple(ordering)


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
