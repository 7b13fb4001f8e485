"""What a request asks of a list, split into what decides the statement and what only fills it.

Anything unusual in a request is left to the plain path, which answers it or says what is wrong with it:
None is returned, and no error is worded twice.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from rest_framework.exceptions import APIException

from crm_backend.common.filters import (
    BooleanFilter,
    DayFilter,
    EnumFilter,
    FilterBackend,
    IdFilter,
    MomentFilter,
    NumberFilter,
    OrderingFilter,
    SearchFilter,
)
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.statements import MadeUp, Unusual, is_in_range

# Their value is a parameter of the statement, whatever it is.
BOUND = (IdFilter, NumberFilter, MomentFilter, DayFilter, django_filters.CharFilter)
# Their values are few; each has a statement of its own.
LITERAL = (BooleanFilter, EnumFilter)
IS_BOUND = object()


@dataclass
class Question:
    """What is asked of the rows, by filters, a search and an ordering.

    Attributes:
        key: what decides the statement; equal keys have one statement.
        values: by the name of its slot, what fills it.
    """

    filters: tuple[tuple[str, Hashable], ...] = ()
    terms: tuple[tuple[str, int], ...] = ()
    ordering: tuple[str, ...] = ()
    values: dict[Any, Any] = field(default_factory=dict)

    @property
    def key(self) -> Hashable:
        """What decides the statement."""
        return self.filters, self.terms, self.ordering


def read(view: Any) -> Question | None:
    """Read the request of a view; None leaves it to the plain path."""
    question = Question()
    try:
        for backend in view.filter_backends:
            if backend is FilterBackend:
                _read_filters(view, question)
            elif backend is OrderingFilter:
                question.ordering = _ordering(view)
            elif issubclass(backend, SearchFilter):
                _read_search(backend(), view, question)
            else:
                return None
    except (APIException, ValidationError, Unusual):
        return None
    return question if all(map(is_in_range, question.values.values())) else None


def _read_filters(view: Any, question: Question) -> None:
    filterset, given = filterset_of(_class_of(view)), view.request.query_params
    if filterset is None or not given:
        return
    found: list[tuple[str, Hashable]] = []
    for name, one in filterset.base_filters.items():
        if not given.get(name):
            continue
        value = one.field.clean(one.field.widget.value_from_datadict(given, {}, name))
        if isinstance(one, LITERAL) and (isinstance(value, bool) or value in dict(one.field.choices)):
            found.append((name, value))
        elif isinstance(one, BOUND) and value not in (None, ""):
            prepared = one.prepare(value) if isinstance(one, DayFilter) else value
            if prepared is None:
                raise Unusual
            question.values["filter", name] = prepared
            found.append((name, IS_BOUND))
        else:
            raise Unusual
    question.filters = tuple(found)


@cache
def filterset_of(view_class: Any) -> Any:
    """The filter set of a view, declared or made of its `filterset_fields`."""
    return FilterBackend().get_filterset_class(view_class(), view_class.queryset)


def _class_of(view: Any) -> Any:
    """The class, which the type checker does not take for hashable."""
    return type(view)


def _read_search(backend: SearchFilter, view: Any, question: Question) -> None:
    terms = backend.get_terms(view.request)
    if not terms or not backend.get_search_fields(view, view.request):
        return
    question.terms = tuple((kind, len(texts)) for kind, texts in terms)
    for number, (_, texts) in enumerate(terms):
        for place, text in enumerate(texts):
            question.values["term", number, place] = text


_orderings: dict[tuple[type, str], tuple[str, ...]] = {}


def _ordering(view: Any) -> tuple[str, ...]:
    backend, request = OrderingFilter(), view.request
    asked = request.query_params.get(backend.ordering_param, "")
    known = _orderings.get((type(view), asked))
    if known is None:
        known = tuple(backend.get_ordering(request, view.queryset, view) or ())
        if len(_orderings) < 2000:
            _orderings[type(view), asked] = known
    return known


def apply(question: Question, rows: Any, view: Any, made: MadeUp) -> Any:
    """Filter, search and order the rows as the view's backends would, with made-up values.

    Raises:
        Refused: a filter set has filtering of its own.
    """
    for backend in view.filter_backends:
        if backend is FilterBackend:
            rows = _filtered(question, rows, view, made)
        elif backend is OrderingFilter:
            rows = rows.order_by(*question.ordering)
        elif question.terms:
            terms = [
                (kind, tuple(made(("term", number, place), "", varies=True) for place in range(count)))
                for number, (kind, count) in enumerate(question.terms)
            ]
            rows = backend().apply(rows, terms, view.request, view)
    return rows


def _filtered(question: Question, rows: Any, view: Any, made: MadeUp) -> Any:
    if not question.filters:
        return rows
    filterset_class = filterset_of(_class_of(view))
    for name in ("filter_queryset", "qs", "form", "get_form_class"):
        if any(name in vars(cls) for cls in filterset_class.__mro__[:-1] if _is_ours(cls)):
            raise Refused(f"{filterset_class.__name__} has a {name} of its own")
    filterset = filterset_class({}, queryset=rows, request=view.request)
    for name, value in question.filters:
        one = filterset.filters[name]
        if value is not IS_BOUND:
            rows = one.filter(rows, value)
        else:
            bound = made(("filter", name), question.values["filter", name], varies=True)
            rows = one.filter_prepared(rows, bound) if isinstance(one, DayFilter) else one.filter(rows, bound)
    return rows


def _is_ours(cls: type) -> bool:
    return not cls.__module__.startswith("django_filters")
