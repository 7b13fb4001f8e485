"""What a report is asked for."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rest_framework import serializers

from applications.models import Application
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.serializers import Serializer, VisiblePrimaryKeyField
from reports.choices import CUSTOM, Grouping
from reports.periods import PERIODS, Period, period_days
from reports.registry import REPORTS, Filters, Report, Result, load
from reports.shapes import Sheet
from servicing.dates import business_date

# Kinds of jobs are declared before this app is ready; choices are made of the whole list.
load()
REPORT_CHOICES = [(one.name, one.title) for one in REPORTS.values()]
KIND_CHOICES = [(CUSTOM, "Custom"), *REPORT_CHOICES]


class FiltersSerializer(Serializer):
    """The filters of reports. Dates are business dates, both inclusive; ids are of visible rows."""

    start_date = serializers.DateField(required=False, allow_null=True, help_text="First day, inclusive.")
    end_date = serializers.DateField(required=False, allow_null=True, help_text="Last day, inclusive.")
    period = serializers.ChoiceField(
        choices=PERIODS,
        required=False,
        help_text="Instead of both dates; its days are those of the day on which it is asked.",
    )
    application_id = VisiblePrimaryKeyField(
        queryset=Application.objects.all(), required=False, allow_null=True, help_text="One application."
    )
    broker_id = VisiblePrimaryKeyField(
        queryset=Broker.objects.all(), required=False, allow_null=True, help_text="A broker's."
    )
    bd_id = VisiblePrimaryKeyField(
        queryset=Bdm.objects.all(), required=False, allow_null=True, help_text="A BDM's."
    )
    branch_id = VisiblePrimaryKeyField(
        queryset=Branch.objects.all(), required=False, allow_null=True, help_text="A branch's."
    )
    grouping = serializers.ChoiceField(
        choices=Grouping.choices, required=False, default=Grouping.MONTH, help_text="Periods of the series."
    )
    compare = serializers.ChoiceField(
        choices=[("previous", "The period before")],
        required=False,
        help_text="Adds the period of the same length just before; needs both dates, or a period.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the days of a period; refuse one that ends before it begins, and a comparison without one."""
        if period := attrs.get("period"):
            if attrs.get("start_date") or attrs.get("end_date"):
                raise serializers.ValidationError({"period": ["Give either this or dates."]})
            attrs["start_date"], attrs["end_date"] = period_days(Period(period), business_date())
        first, last = attrs.get("start_date"), attrs.get("end_date")
        if first and last and last < first:
            raise serializers.ValidationError({"end_date": ["Must not be before start_date."]})
        if attrs.get("compare"):
            if not (first and last):
                raise serializers.ValidationError({"compare": ["Needs both dates, or a period."]})
            if (first - type(first).min).days < (last - first).days + 1:
                raise serializers.ValidationError({"compare": ["There is no such period before."]})
        return attrs


class ExportSerializer(FiltersSerializer):
    """Which report to download, and its filters; one that the report does not take is refused."""

    report = serializers.ChoiceField(choices=REPORT_CHOICES)
    sheet = serializers.CharField(
        required=False,
        max_length=64,
        help_text="For CSV, the key of a sheet; else the first.",
    )


def filters_serializer(report: Report) -> type[FiltersSerializer]:
    """The serializer of the filters that a report takes; it refuses the others."""
    left_out = dict.fromkeys(set(FiltersSerializer._declared_fields) - report.filters)
    name = "".join(part.capitalize() for part in report.name.split("-"))
    return type(
        f"{name}FiltersSerializer", (FiltersSerializer,), {**left_out, "__doc__": FiltersSerializer.__doc__}
    )


@cache
def _serializer_of(name: str) -> type[FiltersSerializer]:
    """One class for all requests: its fields are worked out once."""
    return filters_serializer(REPORTS[name])


def filters_of(report: Report, asked: Mapping[str, Any], context: Mapping[str, Any]) -> Filters:
    """Validated filters; `context` has the request whose caller is asking.

    Raises:
        ValidationError: they are malformed, the report has no such filter, or the caller sees no such row.
    """
    if foreign := sorted(asked.keys() & FiltersSerializer._declared_fields.keys() - report.filters):
        raise serializers.ValidationError({name: [f"{report.title} does not take this."] for name in foreign})
    serializer = _serializer_of(report.name)(data=asked, context=dict(context))
    serializer.is_valid(raise_exception=True)
    data = serializer.validated_data
    ids = {name: row and row.pk for name, row in data.items() if name.endswith("_id")}
    return Filters(
        start_date=data.get("start_date"),
        end_date=data.get("end_date"),
        grouping=Grouping(data.get("grouping") or Grouping.MONTH),
        compare=bool(data.get("compare")),
        **ids,
    )


def sheet_of(result: Result, key: str) -> Sheet | None:
    """The sheet of a result that is asked for; none where the first will do.

    Raises:
        ValidationError: there is no such sheet.
    """
    sheets = {sheet.key: sheet for sheet in result.sheets}
    if key and key not in sheets:
        raise serializers.ValidationError({"sheet": [f"Choose one of {', '.join(sheets)}."]})
    return sheets.get(key)
