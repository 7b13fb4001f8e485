"""Figures of leads in two periods side by side, from one look at their rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from crm_backend.common.figures import days, percent
from crm_backend.common.read_engine.statements import Kept, Statement
from engagement.choices import LeadStatus
from engagement.models import Lead
from users.choices import Role
from users.models import User

_COLUMNS = ("created_at", "converted_at", "status", "source")
# What a row is of, by the columns that it is not grouped by.
_BY_DAY, _BY_STATUS, _BY_SOURCE, _WHOLE = 3, 5, 6, 7
# Each day is looked up: its rows lie side by side, and no row is asked which day it is of.
_GROUPED = """WITH days AS (
    SELECT day::date, (day::date)::timestamp AT TIME ZONE %s::text AS begins,
        (day::date + 1)::timestamp AT TIME ZONE %s::text AS ends
    FROM generate_series(%s::date, %s::date, '1 day') AS day
), counted AS MATERIALIZED (
    SELECT d.day, l.* FROM days d CROSS JOIN LATERAL (
        SELECT status, source, count(*) AS total, count(converted_at) AS converted,
            sum(converted_at - created_at) AS took
        FROM ({leads}) leads WHERE created_at >= d.begins AND created_at < d.ends GROUP BY status, source
    ) l
)
SELECT GROUPING(day, status, source), is_now, day, status, source,
    sum(total)::bigint, sum(converted)::bigint, sum(took) / NULLIF(sum(converted), 0)::float8
FROM (SELECT *, day >= %s::date AS is_now FROM counted) c
GROUP BY GROUPING SETS ((is_now, day), (is_now, status), (is_now, source), (is_now))"""


@dataclass
class LeadFigures:
    """Leads that came in during a period: all, and those converted; by day, status and source."""

    total: int = 0
    converted: int = 0
    took: timedelta | None = None
    by_day: dict[date, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)
    by_source: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def figures(self) -> Mapping[str, Decimal | int | None]:
        """Counts and rates, as `engagement.selectors.DEFINITIONS` says."""
        won, lost = (self.by_status.get(status, 0) for status in (LeadStatus.WON, LeadStatus.LOST))
        return {
            "new_leads": self.total,
            "converted": self.converted,
            "conversion_rate": percent(self.converted, self.total),
            "win_rate": percent(won, won + lost),
            "average_days_to_convert": days(self.took),
        }

    def add(self, of: int, key: tuple[Any, ...], counted: tuple[Any, ...]) -> None:
        """Take in one group."""
        day, status, source = key
        total, converted, took = counted
        if of == _BY_DAY:
            self.by_day[day] = total
        elif of == _BY_STATUS:
            self.by_status[status] = total
        elif of == _BY_SOURCE:
            self.by_source[source] = (total, converted)
        else:
            self.total, self.converted, self.took = total, converted, took


def _of(role: str) -> Kept:
    """Leads that a reader of a role sees."""
    return Kept(
        lambda given: (
            Lead.objects.visible_to(User(pk=given("user", 1), role=role)).order_by().values_list(*_COLUMNS)
        )
    )


_VISIBLE = {role: _of(role) for role in (Role.ADMIN, Role.BD, Role.BROKER)}


def lead_figures(reader: Any, first: date, now_first: date, last: date) -> tuple[LeadFigures, LeadFigures]:
    """The figures of the later period, from `now_first`, and of the one before it."""
    given = {"user": reader.pk}
    visible = _VISIBLE[reader.role].statement(**given)
    zone = settings.BUSINESS_TIME_ZONE
    values = [zone, zone, first, last, *visible.bind(given), now_first]
    now, before = LeadFigures(), LeadFigures()
    for of, is_now, *row in Statement(None).ask(_GROUPED.format(leads=visible.sql), values):
        (now if is_now else before).add(of, tuple(row[:3]), tuple(row[3:]))
    return now, before
