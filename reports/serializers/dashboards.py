"""The shapes of dashboards, as charting libraries take them: labels beside series."""

from datetime import date, timedelta
from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import Serializer
from reports.selectors.dashboards import Dashboard, Days
from reports.serializers.figures import Figures, Values, money
from reports.shapes import Kind, Look
from servicing.dates import business_date

DEFAULT_DAYS, MOST_DAYS = 30, 366


class DaysSerializer(Serializer):
    """Which days; business days, both inclusive."""

    start_date = serializers.DateField(
        required=False, help_text=f"First day; else {DEFAULT_DAYS} days that end with the last."
    )
    end_date = serializers.DateField(required=False, help_text="Last day; else today.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in what is not asked for; refuse what is no period, or too long a one."""
        last = attrs.get("end_date") or business_date()
        if (last - date.min).days < 2 * MOST_DAYS or last == date.max:
            raise serializers.ValidationError({"end_date": ["There is no such period."]})
        first = attrs.get("start_date") or last - timedelta(days=DEFAULT_DAYS - 1)
        if last < first:
            raise serializers.ValidationError({"end_date": ["Must not be before start_date."]})
        if (last - first).days >= MOST_DAYS:
            raise serializers.ValidationError({"start_date": [f"Ask for at most {MOST_DAYS} days."]})
        return {"days": Days(first, last)}


class PointSerializer(Figures):
    """One step of a series."""

    date = serializers.DateField(help_text="Its first day; of a week, Monday.")
    value = money(help_text="In what the tile counts in.")


class TileSerializer(Figures):
    """One figure; counts and money both as decimal strings."""

    key = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=[(one.value, one.value) for one in Kind])
    value = money(allow_null=True, help_text="Null of nothing.")
    previous = money(
        allow_null=True, help_text="In as many days just before; null of what is told as of now."
    )
    change = money(allow_null=True, help_text="value - previous.")
    change_percent = money(allow_null=True, help_text="Percent of what was before; null from nothing.")
    series = PointSerializer(many=True, help_text="For a sparkline: all steps of the period, or none.")


class SeriesSerializer(Figures):
    """One line or bar of a chart: a value for each of its labels."""

    name = serializers.CharField()
    values = Values(child=money(allow_null=True))


class ChartSerializer(Figures):
    """A picture to be drawn."""

    key = serializers.CharField()
    title = serializers.CharField()
    look = serializers.ChoiceField(choices=[(one.value, one.value) for one in Look])
    kind = serializers.ChoiceField(choices=[(one.value, one.value) for one in Kind])
    labels = Values(child=serializers.CharField(allow_blank=True))
    series = SeriesSerializer(many=True)


class DashboardSerializer(Figures):
    """Tiles and charts of a period, compared with as many days just before."""

    as_of = serializers.DateTimeField(help_text="Everything that happened before this moment is counted.")
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    previous_start_date = serializers.DateField()
    previous_end_date = serializers.DateField()
    grouping = serializers.CharField(help_text="The steps of series: day, week or month.")
    tiles = TileSerializer(many=True)
    charts = ChartSerializer(many=True)
    definitions = serializers.DictField(child=serializers.CharField())


class TeamRowSerializer(Figures):
    """One BDM; of applications without one, null."""

    bd_id = serializers.IntegerField(allow_null=True)
    bd_name = serializers.CharField()
    opened = serializers.IntegerField()
    settled = serializers.IntegerField()
    settled_amount = money()
    open_applications = serializers.IntegerField()
    open_amount = money()


class TeamDashboardSerializer(DashboardSerializer):
    """The same, and the figures of each BDM."""

    team = TeamRowSerializer(many=True)


def dashboard_reply(found: Dashboard) -> dict[str, Any]:
    """What the serializers show."""
    before = found.days.before()
    return {
        "as_of": found.as_of,
        "start_date": found.days.first,
        "end_date": found.days.last,
        "previous_start_date": before.first,
        "previous_end_date": before.last,
        "grouping": found.days.grouping.value,
        "tiles": [
            {
                "key": one.key,
                "title": one.title,
                "kind": one.kind.value,
                "value": one.value,
                "previous": one.previous,
                "change": one.change,
                "change_percent": one.change_percent,
                "series": [{"date": day, "value": value} for day, value in one.series],
            }
            for one in found.tiles
        ],
        "charts": [
            {
                "key": one.key,
                "title": one.title,
                "look": one.look.value,
                "kind": one.kind.value,
                "labels": one.labels,
                "series": [{"name": line.name, "values": line.values} for line in one.series],
            }
            for one in found.charts
        ],
        "definitions": found.definitions,
        "team": found.rows,
    }
