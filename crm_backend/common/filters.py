"""Filter backends with the contract's manners."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import Q, QuerySet
from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import filters
from rest_framework.exceptions import ValidationError
from rest_framework.fields import CharField
from rest_framework.request import Request

from crm_backend.common.dates import midnight
from crm_backend.common.pagination import with_key
from crm_backend.common.text import BLANKS

if TYPE_CHECKING:
    from rest_framework.views import APIView


MAX_MAGNITUDE = 30
# Of the smallest number that JSON and JavaScript know.
MIN_MAGNITUDE = -324
MAX_SEARCH_WORDS = 10


class LenientChoiceField(django_filters.ChoiceFilter.field_class):
    """Takes any text: an unknown value of an enum matches nothing, it is not an error."""

    def valid_value(self, value: str) -> bool:
        """Accept what is not a choice, so that the filter can answer with an empty page."""
        return "\x00" not in value


class EnumFilter(django_filters.ChoiceFilter):
    """Filter on an enumerated field; an unknown value gives an empty page with 200."""

    field_class = LenientChoiceField


class StrictBooleanField(forms.Field):
    """`true`, `false`, `1` or `0`, in any case. A misspelt value is refused: ignored, it would list all."""

    default_error_messages = {"invalid": "Must be true or false."}
    _values = {"": None, "true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: Any) -> bool | None:
        """Read it; an empty one is none."""
        text = str(value or "").lower()
        if text not in self._values:
            raise InvalidValue(self.error_messages["invalid"], code="invalid")
        return self._values[text]


class BooleanFilter(django_filters.BooleanFilter):
    """Filter on yes or no; anything else is refused."""

    field_class = StrictBooleanField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput)
        super().__init__(*args, **kwargs)


class IdField(forms.IntegerField):
    """Digits only, where Django's takes `1.0` and `1_000` for integers as well."""

    def to_python(self, value: Any) -> int | None:
        """Read it; an empty one is none."""
        if value not in self.empty_values and not re.fullmatch(r"-?[0-9]+", str(value)):
            raise InvalidValue(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


@extend_schema_field({"type": "integer", "minimum": 1})
class IdFilter(django_filters.Filter):
    """Filter on an id; one of nothing gives an empty page, so that nobody learns which ids exist."""

    field_class = IdField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, **kwargs)


@extend_schema_field({"type": "integer", "minimum": 0})
class WholeFilter(IdFilter):
    """Filter by a whole number that is not negative."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra["min_value"] = 0


class DayFilter(django_filters.DateFilter):
    """Filter on the day of a timestamp, from (`gte`) or up to and including it (`lte`).

    The timestamp itself is compared, not its date, so that a plain index on it serves.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        which = "First" if self.lookup_expr == "gte" else "Last"
        self.extra.setdefault("help_text", f"{which} day, inclusive; days begin at midnight UTC.")

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        """Keep what happened from the beginning, or before the end, of that day."""
        moment = None if value is None else self.prepare(value)
        return qs if moment is None else self.filter_prepared(qs, moment)

    def prepare(self, value: date) -> datetime | None:
        """The moment to compare with; None when no day follows."""
        if self.lookup_expr == "gte":
            return midnight(value)
        return None if value == date.max else midnight(value + timedelta(days=1))

    def filter_prepared(self, qs: QuerySet[Any], moment: datetime) -> QuerySet[Any]:
        """Keep what happened from that moment, or before it."""
        lookup = "gte" if self.lookup_expr == "gte" else "lt"
        return qs.filter(**{f"{self.field_name}__{lookup}": moment})


_REPLACED = {
    django_filters.ChoiceFilter: EnumFilter,
    django_filters.BooleanFilter: BooleanFilter,
}


class BoundedDecimalField(forms.DecimalField):
    """A number of at most 10³⁰: `-1e9999999` is short to write, and endless work as an integer."""

    def to_python(self, value: Any) -> Any:
        """Refuse the magnitude before anybody counts with it."""
        number = super().to_python(value)
        if number is None or not number.is_finite():
            return number
        if not MIN_MAGNITUDE <= number.adjusted() <= MAX_MAGNITUDE or abs(number) > 10**MAX_MAGNITUDE:
            raise forms.ValidationError("This number is out of range.", code="out_of_range")
        return number


class MomentField(django_filters.IsoDateTimeFilter.field_class):
    """A moment in UTC: PostgreSQL knows no zone as far away as some that ISO 8601 can write."""

    def to_python(self, value: Any) -> datetime | None:
        """Read it; an empty one is none."""
        moment = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise InvalidValue(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """Filter by a moment, in any time zone."""

    field_class = MomentField


@extend_schema_field({"type": "number", "minimum": -(10.0**MAX_MAGNITUDE), "maximum": 10.0**MAX_MAGNITUDE})
class NumberFilter(django_filters.NumberFilter):
    """Filter by a number of a sane size."""

    field_class = BoundedDecimalField


class FilterSet(django_filters.FilterSet):
    """Base of every filter set: choices, booleans and foreign keys get the filters of this module."""

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
        """Choose the filter class of a model field."""
        chosen, params = super().filter_for_lookup(field, lookup_type)
        if chosen is django_filters.ModelChoiceFilter:
            return IdFilter, {}
        return _REPLACED.get(chosen, chosen), params


class FilterBackend(django_filters.DjangoFilterBackend):
    """django-filter with our filter sets."""

    filterset_base = FilterSet


_GAP = f"{BLANKS},"
_WORDS = re.compile(rf'(?:(?<![^{_GAP}])"([^"]+)"(?![^{_GAP}]))|([^{_GAP}]+)')
# What is looked for: the way to look for a word, and the texts that it takes.
Terms = list[tuple[str, tuple[str, ...]]]


class SearchFilter(filters.SearchFilter):
    """Search for words, all of which have to be found; a sane number of them.

    Reading the request (`get_terms`) is apart from filtering (`apply`), which passes the texts on as they
    are: so the read engine can compile a search once for all texts.
    """

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Keep the rows in which every word is found."""
        terms = self.get_terms(request)
        if not terms or not self.get_search_fields(view, request):
            return queryset
        return self.apply(queryset, terms, request, view)

    def get_terms(self, request: Request) -> Terms:
        """The words asked for, and how to look for each."""
        return [("", (word,)) for word in self.get_search_terms(request)]

    def apply(self, queryset: Any, terms: Terms, request: Request, view: Any) -> Any:
        """Keep the rows in one of whose searched columns each word is found, in any case."""
        names = [str(name) for name in self.get_search_fields(view, request) or ()]
        assert not self.must_call_distinct(queryset, names), (
            "a search through many rows needs its own `apply`"
        )
        lookups = [self.construct_search(name, queryset) for name in names]
        for _, (word,) in terms:
            found = Q()
            for lookup in lookups:
                found |= Q(**{lookup: word})
            queryset = queryset.filter(found)
        return queryset

    def get_search_terms(self, request: Request) -> list[str]:
        """What is between blanks and commas, or between `"` and `"`; `'` is a letter, as in O'Neil."""
        text = CharField(trim_whitespace=False, allow_blank=True).run_validation(
            request.query_params.get(self.search_param, "")
        )
        words = [phrase or word for phrase, word in _WORDS.findall(text)]
        if len(words) > MAX_SEARCH_WORDS:
            raise ValidationError({self.search_param: [f"At most {MAX_SEARCH_WORDS} words."]})
        return words

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """`search`, where the view has something to search, and how many words it takes."""
        own = type(self).apply is not SearchFilter.apply
        if not own and not getattr(view, "search_fields", None):
            return []
        gap, further = _GAP, MAX_SEARCH_WORDS - 1
        words = rf"^[{gap}]*(?:[^{gap}]+[{gap}]+){{0,{further}}}(?:[^{gap}]+)?[{gap}]*$"
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in found:
            parameter["schema"] = {"type": "string", "pattern": words}
            parameter["description"] = f"Words that all have to be found, at most {MAX_SEARCH_WORDS}."
        return found


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

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """`ordering`, with the terms that the view declares."""
        names = list(getattr(view, "ordering_fields", None) or [])
        if not names:
            return []
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in found:
            terms = {"type": "string", "enum": [*names, *(f"-{name}" for name in names)]}
            parameter["schema"] = {"type": "array", "items": terms}
            parameter["description"] = "Terms with commas between them; `-` is descending."
            parameter.update(style="form", explode=False)
        return found
