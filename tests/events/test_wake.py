"""The dispatcher is woken once for a transaction, and beat sweeps whatever a wake missed."""

import pytest
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from events import dispatcher, wake
from events.services import emit
from events.tasks import dispatch_events
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


@pytest.mark.django_db(transaction=True)
def test_a_dispatch_that_has_not_begun_need_not_be_queued_again(monkeypatch):
    sent = []
    monkeypatch.setattr(wake.current_app, "send_task", lambda name: sent.append(name))
    user = UserFactory.create()
    seen = []

    def tell():
        with transaction.atomic():
            emit(UserApproved(), actor=None, subject=user)

    def look():
        # What is committed while the dispatcher looks may be behind it.
        tell()
        seen.append(len(sent))
        return 0

    for _ in range(3):
        tell()
    assert len(sent) == 1
    monkeypatch.setattr(dispatcher, "dispatch_pending", look)
    dispatch_events()
    assert seen == [2]


def test_a_queue_or_a_redis_that_is_away_is_left_to_the_sweep(monkeypatch):
    def away(*args, **kwargs):
        raise RedisError("away")

    sent = []
    monkeypatch.setattr(wake.current_app, "send_task", lambda name: sent.append(name))
    monkeypatch.setattr(wake, "claim", away)
    wake.wake_dispatcher()
    assert sent == []


def test_what_could_not_be_queued_keeps_nothing_from_being_queued(monkeypatch):
    def away(name):
        sent.append(name)
        raise OperationalError("away")

    sent = []
    monkeypatch.setattr(wake.current_app, "send_task", away)
    for _ in range(2):
        wake.wake_dispatcher()
    assert len(sent) == 2


@pytest.mark.django_db
def test_a_dispatch_does_not_fail_for_a_mark_that_ends_by_itself(monkeypatch):
    def away(*args, **kwargs):
        raise RedisError("away")

    monkeypatch.setattr(wake, "give_up", away)
    assert dispatch_events() == 0


def test_beat_sweeps_for_events_and_for_mail_and_its_wishes_expire():
    schedule = {entry["task"]: entry for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {wake.DISPATCH_TASK, "notifications.tasks.send_mail"} <= set(schedule)
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in schedule.values())
