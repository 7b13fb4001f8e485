"""Filter backends with the contract's manners."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as django_filters
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView

MAX_MAGNITUDE = 30


class LenientChoiceField(django_filters.ChoiceFilter.field_class):
    """Takes any text: an unknown value of an enum matches nothing, it is not an error."""

    def valid_value(self, value: str) -> bool:
        """Accept what is not a choice, so that the filter can answer with an empty page."""
        return "\x00" not in value


class EnumFilter(django_filters.ChoiceFilter):
    """Filter on an enumerated field; an unknown value gives an empty page with 200."""

    field_class = LenientChoiceField


class BoundedDecimalField(forms.DecimalField):
    """A number with at most 30 digits: `-1e9999999` is short to write, and endless work as an integer."""

    def to_python(self, value: Any) -> Any:
        """Refuse the magnitude before anybody counts with it."""
        number = super().to_python(value)
        if number is not None and number.is_finite() and abs(number.adjusted()) > MAX_MAGNITUDE:
            raise forms.ValidationError("This number is out of range.", code="out_of_range")
        return number


class NumberFilter(django_filters.NumberFilter):
    """Filter by a number of a sane size."""

    field_class = BoundedDecimalField


class ReferenceFilter(NumberFilter):
    """Filter by the id of another row; whether there is such a row is not told."""


class FilterSet(django_filters.FilterSet):
    """Base of every filter set: choices become `EnumFilter`s, numbers and references our own."""

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
        """Choose the filter class of a model field."""
        chosen, params = super().filter_for_lookup(field, lookup_type)
        if chosen is django_filters.ModelChoiceFilter:
            return ReferenceFilter, {}
        ours = {django_filters.ChoiceFilter: EnumFilter, django_filters.NumberFilter: NumberFilter}
        return ours.get(chosen, chosen), params


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
        if not {"pk", "-pk", "id", "-id"} & set(ordering):
            ordering.append("-id" if ordering[0].startswith("-") else "id")
        return ordering
