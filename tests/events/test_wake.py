"""The dispatcher is woken once for a transaction, and beat sweeps whatever a wake missed."""

import pytest
from django.conf import settings
from django.db import transaction

from events import wake
from events.services import emit
from tests.factories import UserFactory
from users.events import UserApproved


@pytest.mark.django_db(transaction=True)
def test_many_events_of_a_transaction_wake_once(monkeypatch):
    sent = []
    monkeypatch.setattr(wake.current_app, "send_task", lambda name: sent.append(name))
    user = UserFactory.create()
    with transaction.atomic():
        for _ in range(3):
            emit(UserApproved(), actor=None, subject=user)
    assert sent == [wake.DISPATCH_TASK]


def test_beat_sweeps_for_events_and_for_mail_and_its_wishes_expire():
    schedule = {entry["task"]: entry for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {wake.DISPATCH_TASK, "notifications.tasks.send_mail"} <= set(schedule)
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in schedule.values())
