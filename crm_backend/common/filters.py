"""Filter backends with the contract's manners."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django_filters import rest_framework as django_filters
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from crm_backend.common.pagination import with_key

if TYPE_CHECKING:
    from rest_framework.views import APIView


class LenientChoiceField(django_filters.ChoiceFilter.field_class):
    """Takes any text: an unknown value of an enum matches nothing, it is not an error."""

    def valid_value(self, value: str) -> bool:
        """Accept what is not a choice, so that the filter can answer with an empty page."""
        return "\x00" not in value


class EnumFilter(django_filters.ChoiceFilter):
    """Filter on an enumerated field; an unknown value gives an empty page with 200."""

    field_class = LenientChoiceField


class FilterSet(django_filters.FilterSet):
    """Base of every filter set: choice fields become `EnumFilter`s."""

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
        """Choose the filter class of a model field."""
        chosen, params = super().filter_for_lookup(field, lookup_type)
        return (EnumFilter if chosen is django_filters.ChoiceFilter else chosen), params


class FilterBackend(django_filters.DjangoFilterBackend):
    """django-filter with our filter sets."""

    filterset_base = FilterSet


class OrderingFilter(filters.OrderingFilter):
    """Ordering by declared fields only; an unknown one is refused rather than ignored.

    The primary key ends every ordering, so that pages never overlap.
    """

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> list[str] | None:
        """Return the order_by terms for this request."""
        asked = [term.strip() for term in request.query_params.get(self.ordering_param, "").split(",")]
        asked = [term for term in asked if term]
        if not asked:
            ordering = list(self.get_default_ordering(view) or ["-pk"])
        else:
            valid = {name for name, _ in self.get_valid_fields(queryset, view, {"request": request})}
            unknown = [term for term in asked if term.lstrip("-") not in valid or term.startswith("--")]
            if unknown:
                choices = ", ".join(sorted(valid))
                message = f"Cannot order by {', '.join(unknown)}. Choose from {choices}."
                raise ValidationError({self.ordering_param: [message]})
            ordering = asked
        return with_key(ordering)
