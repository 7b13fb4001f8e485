"""Filters and search of documents."""

from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import Func, TextField, Value
from rest_framework.request import Request

from crm_backend.common.filters import (
    BooleanFilter,
    DayFilter,
    EnumFilter,
    FilterSet,
    IdFilter,
    SearchFilter,
    Terms,
)
from documents.choices import DocumentKind
from documents.models import Batch, Document


class Beginning(Func):
    """Any text as a query for what begins with it; a phrase for words that follow each other."""

    # As a quoted operand: what means something in a query is text again.
    template = (
        r"'''' || replace(replace(translate(%(expressions)s, '’', ''''), '\', '\\'), '''', '''''') || ''':*'"
    )
    output_field = TextField()


class DocumentFilter(FilterSet):
    """Which documents; days are of their creation, inclusive, UTC."""

    application = IdFilter(field_name="application")
    kind = EnumFilter(choices=DocumentKind.choices)
    visible_to_client = BooleanFilter()
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Document
        fields: list[str] = []


class DocumentSearch(SearchFilter):
    """Words of the title, of the file's name, and of the text of the current version, by their beginnings."""

    def get_search_fields(self, view: Any, request: Request) -> list[str]:
        """The one column."""
        return ["words__words"]

    def apply(self, queryset: Any, terms: Terms, request: Request, view: Any) -> Any:
        """Every word has to be found, each by the index."""
        for _, (word,) in terms:
            query = SearchQuery(Beginning(Value(word)), config="simple", search_type="raw")
            queryset = queryset.filter(words__words=query)
        return queryset


class BatchFilter(FilterSet):
    """Which batches."""

    application = IdFilter(field_name="application")

    class Meta:
        model = Batch
        fields: list[str] = []
