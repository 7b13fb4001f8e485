"""The dashboard of leads, from one look at the rows, beside the funnel that asks them for each figure."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from engagement.models import Lead
from engagement.selectors import funnel
from reports.selectors.dashboards import Days, leads
from servicing.dates import business_zone, day_begins
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
LAST = datetime(2025, 4, 8, tzinfo=UTC).date()  # the clocks changed two days before


def _moments(days):
    return day_begins(days.first), day_begins(days.last + timedelta(days=1))


def test_figures_are_those_of_the_funnel(world):
    chance = random.Random(5)
    sides = [world.ours, world.theirs, None]
    for _ in range(60):
        side = chance.choice(sides)
        row = LeadFactory.create(
            assignee=side and side.broker_user,
            branch=side and side.branch,
            source=chance.choice(["referral", "walk_in", "other"]),
        )
        moment = datetime(2025, 4, 9, 13, 59, 59, tzinfo=UTC) - timedelta(hours=chance.randrange(24 * 16))
        status = chance.choice(["new", "application_started", "won", "lost"])
        Lead.objects.filter(pk=row.pk).update(
            created_at=moment,
            status=status,
            lost_reason="Gone" if status == "lost" else "",
            converted_at=moment + timedelta(minutes=chance.randrange(9999))
            if status in ("application_started", "won")
            else None,
            borrower=world.ours.borrower if status in ("application_started", "won") else None,
        )
    days = Days(LAST - timedelta(days=5), LAST)
    for user in (world.admin, world.ours.bd_user, world.ours.broker_user):
        found = leads(user, days)
        visible = Lead.objects.visible_to(user)
        now, then = (
            funnel(visible.filter(created_at__gte=begins, created_at__lt=ends))
            for begins, ends in (_moments(days), _moments(days.before()))
        )
        assert then["total"]
        for tile in found.tiles:
            name = "total" if tile.key == "new_leads" else tile.key
            assert (tile.value, tile.previous) == (now[name], then[name]), tile.key
        _, statuses, sources = found.charts
        assert statuses.series[0].values == list(now["by_status"].values())
        by_source = [row for row in now["by_source"] if row["total"]]
        assert [list(line.values) for line in sources.series] == [
            [row[key] for row in by_source] for key in ("total", "converted")
        ]
        by_day = [0] * 6
        begins, ends = _moments(days)
        for row in visible.filter(created_at__gte=begins, created_at__lt=ends):
            by_day[(row.created_at.astimezone(business_zone()).date() - days.first).days] += 1
        assert [value for _, value in found.tiles[0].series] == by_day
