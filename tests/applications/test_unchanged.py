"""Applications that do not move: their BDM is told once for each stay in a stage."""

from datetime import timedelta

import pytest
from django.utils import timezone

from applications.models import Application
from applications.services.unchanged import unchanged_stages_tell
from events.models import Event
from tests.factories import ApplicationFactory, BdmFactory, UserFactory

pytestmark = pytest.mark.django_db


def still(days, **fields):
    entered = timezone.now() - timedelta(days=days)
    return ApplicationFactory.create(stage_entered_at=entered, **fields)


def told():
    rows = Event.objects.filter(type="application.stage_unchanged").order_by("pk")
    return [(row.application_id, row.data["days"], row.recipients) for row in rows]


def test_after_the_days_of_the_setting_and_not_before(settings):
    bdm = BdmFactory.create()
    late = still(14, bd=bdm)
    still(13, bd=bdm)
    assert unchanged_stages_tell() == 1
    assert unchanged_stages_tell() == 0
    assert told() == [(late.pk, 14, [bdm.user.pk])]
    settings.STAGE_UNCHANGED_DAYS = 13
    assert unchanged_stages_tell() == 1


@pytest.mark.parametrize(
    ("stage", "came_from", "count"),
    [
        ("inquiry", "", 1),
        ("loan_docs_signed", "", 1),
        ("more_info_required", "inquiry", 1),
        ("settled", "", 0),
        ("closed", "", 0),
        ("declined", "inquiry", 0),
        ("withdrawn", "inquiry", 0),
    ],
)
def test_only_open_ones(stage, came_from, count):
    still(30, bd=BdmFactory.create(), stage=stage, came_from=came_from)
    assert unchanged_stages_tell() == count


def test_whoever_becomes_its_bdm_later_is_told_then():
    gone = BdmFactory.create(user=UserFactory.create(role="bd", status="suspended"))
    nobodys, lost = still(30), still(30, bd=gone)
    assert unchanged_stages_tell() == 0
    bdm = BdmFactory.create()
    Application.objects.update(bd=bdm)
    assert unchanged_stages_tell() == 2
    assert {row[0] for row in told()} == {nobodys.pk, lost.pk}
    assert all(row[2] == [bdm.user.pk] for row in told())


def test_being_told_is_no_edit():
    application = still(30, bd=BdmFactory.create())
    before = application.updated_at
    assert unchanged_stages_tell() == 1
    application.refresh_from_db()
    assert application.updated_at == before
