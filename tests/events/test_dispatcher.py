"""The event log and the dispatcher, in one process and in several threads."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from pydantic import ValidationError
from redis.exceptions import ConnectionError as RedisConnectionError

from applications.events import ApplicationUpdated, StageChanged
from events import dispatcher
from events.models import Event
from events.registry import REGISTRY, Audience, Notify, Payload, payload_class, render
from events.services import emit
from notifications.choices import NotificationType
from notifications.models import Notification, NotificationCounter
from tests.factories import UserFactory
from tests.threads import together, with_own_connection
from users.services.passwords import password_reset_request


def stage_changed(reference="APP-00000001"):
    return StageChanged(
        reference=reference,
        from_stage="inquiry",
        from_stage_display="Inquiry",
        to_stage="sent_to_lender",
        to_stage_display="Sent to lender",
        reason="",
    )


def tell(users, subject, *, actor=None, payload=None):
    with transaction.atomic():
        return emit(payload or stage_changed(), actor=actor, subject=subject, recipients=users)


@pytest.fixture
def projections(monkeypatch):
    """Projections of the test beside the real ones."""
    registered = dict(dispatcher._projections)
    monkeypatch.setattr(dispatcher, "_projections", registered)
    return registered


# --- writing events -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused():
    user = UserFactory.create()
    with pytest.raises(RuntimeError, match="belongs in the transaction"):
        emit(stage_changed(), actor=None, subject=user)
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_event_and_wakes_nobody(monkeypatch):
    woken = []
    monkeypatch.setattr("events.services.wake_dispatcher", lambda: woken.append(1))
    user = UserFactory.create()

    @transaction.atomic
    def change_that_fails():
        emit(stage_changed(), actor=None, subject=user, recipients=[user])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_that_fails()
    assert (Event.objects.count(), woken) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_a_commit_wakes_the_dispatcher_once_per_event(monkeypatch):
    woken = []
    monkeypatch.setattr("events.services.wake_dispatcher", lambda: woken.append(1))
    user = UserFactory.create()
    tell([user], user)
    assert (Event.objects.count(), woken) == (1, [1])


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_queue_does_not_fail_the_change(monkeypatch, dispatch):
    def unreachable():
        raise RedisConnectionError("no route")

    monkeypatch.setattr("events.services.wake_dispatcher", unreachable)
    user = UserFactory.create()
    tell([user], user)
    assert dispatch() == 1
    assert Notification.objects.filter(user=user).count() == 1


def test_a_payload_refuses_unknown_keys():
    with pytest.raises(ValidationError, match="extra"):
        ApplicationUpdated(reference="APP-00000001", field_names="purpose", secret="x")  # type: ignore[call-arg]


def test_a_payload_refuses_missing_keys():
    with pytest.raises(ValidationError, match="field_names"):
        ApplicationUpdated(reference="APP-00000001")  # type: ignore[call-arg]


def test_a_payload_cannot_be_changed_afterwards():
    payload = ApplicationUpdated(reference="APP-00000001", field_names="purpose")
    with pytest.raises(ValidationError, match="frozen"):
        payload.reference = "APP-00000002"  # type: ignore[misc]


def test_a_type_that_is_declared_twice_is_refused():
    with pytest.raises(TypeError, match="declared twice"):
        type("Again", (Payload,), {"type": "application.updated", "summary": "Again.", "__annotations__": {}})
    assert REGISTRY["application.updated"] is ApplicationUpdated


def test_a_text_that_names_an_undeclared_field_is_refused():
    with pytest.raises(KeyError, match="nowhere"):
        type("Bad", (Payload,), {"type": "test.bad", "summary": "{nowhere}", "__annotations__": {}})
    REGISTRY.pop("test.bad", None)


def test_an_undeclared_type_is_a_lookup_error():
    with pytest.raises(LookupError, match=r"test\.unknown"):
        payload_class("test.unknown")


@pytest.mark.django_db
def test_an_event_keeps_who_what_when_and_whom_to_tell():
    actor, one, two = UserFactory.create_batch(3)
    at = timezone.now() - timedelta(days=3)
    with transaction.atomic():
        event = emit(
            stage_changed(),
            actor=actor,
            subject=one,
            recipients=[two, one, actor, two.pk, None],
            application_id=7,
            occurred_at=at,
        )
    event.refresh_from_db()
    assert event.type == "application.stage_changed"
    assert (event.actor_id, event.subject_type, event.subject_id) == (actor.pk, "user", one.pk)
    assert (event.application_id, event.occurred_at) == (7, at)
    assert event.recipients == sorted([one.pk, two.pk])
    assert event.data == stage_changed().model_dump(mode="json")
    assert (event.projected_at, event.dispatched_at, event.attempts) == (None, None, 0)


# --- the registry ---------------------------------------------------------------------------------


def example(schema):
    match schema.get("type"):
        case "integer":
            return 3
        case "boolean":
            return True
        case "array":
            return [example(schema.get("items", {"type": "integer"}))] * 2
        case "object":
            return {"words": example(schema.get("additionalProperties", {}))}
    return "words"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_declared_event_has_words_that_render(name):
    payload = REGISTRY[name]
    schema = payload.model_json_schema()
    data = {field: example(part) for field, part in schema.get("properties", {}).items()}
    made = payload(**data).model_dump(mode="json")
    assert name == payload.type == name.strip()
    assert name.count(".") == 1
    assert payload.__doc__
    assert isinstance(payload.audience, Audience)
    summary = render(payload.summary, made)
    assert summary.endswith(".")
    assert "{" not in summary
    if payload.notify is not None:
        assert isinstance(payload.notify, Notify)
        assert payload.notify.kind in NotificationType.values
        for text in (payload.notify.title, payload.notify.body):
            rendered = render(text, made)
            assert rendered.strip()
            assert "{" not in rendered


# --- dispatching ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_recipients_are_notified_once_with_numbers_from_one(dispatch):
    one, two = UserFactory.create_batch(2)
    tell([one, two], one)
    tell([one], one)
    assert dispatch() == 2
    assert dispatch() == 0
    seqs = Notification.objects.order_by("user_id", "seq").values_list("user_id", "seq")
    assert list(seqs) == [(one.pk, 1), (one.pk, 2), (two.pk, 1)]
    assert Event.objects.filter(dispatched_at=None).count() == 0
    notification = Notification.objects.get(user=two)
    assert notification.title == "APP-00000001: Sent to lender"
    assert notification.body == "APP-00000001 moved from Inquiry to Sent to lender."
    assert notification.notification_type == "application_status"


@pytest.mark.django_db
def test_users_who_may_not_log_in_are_not_notified(dispatch):
    suspended = UserFactory.create(status="suspended")
    tell([suspended], suspended)
    assert dispatch() == 1
    assert Notification.objects.count() == 0


@pytest.mark.django_db
def test_a_projection_and_its_mark_are_one_transaction(projections):
    user = UserFactory.create()
    event = tell([user], user)

    @transaction.atomic
    def killed_before_the_commit():
        assert dispatcher._project_batch() == (1, 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        killed_before_the_commit()
    event.refresh_from_db()
    assert event.projected_at is None
    assert Notification.objects.count() == 0
    assert NotificationCounter.objects.count() == 0


@pytest.mark.django_db
def test_a_poisoned_event_is_put_off_and_does_not_block_the_others(projections, dispatch):
    user = UserFactory.create()
    good, poison, later = (tell([user], user) for _ in range(3))
    failing = {poison.pk}

    def explode(events):
        if failing & {event.pk for event in events}:
            raise ZeroDivisionError

    projections["explosive"] = dispatcher.Projection("explosive", project=explode)
    before = timezone.now()
    assert dispatch() == 2
    assert set(Event.objects.filter(dispatched_at=None).values_list("pk", flat=True)) == {poison.pk}
    notified = Notification.objects.order_by("seq").values_list("event_id", "seq")
    assert list(notified) == [(good.pk, 1), (later.pk, 2)]
    poison.refresh_from_db()
    assert (poison.attempts, poison.projected_at) == (1, None)
    assert poison.retry_at is not None
    assert timedelta(seconds=0) < poison.retry_at - before < timedelta(seconds=10)

    assert dispatch() == 0, "not due yet"
    Event.objects.filter(pk=poison.pk).update(retry_at=timezone.now())
    assert dispatch() == 0
    poison.refresh_from_db()
    assert poison.attempts == 2

    failing.clear()
    Event.objects.filter(pk=poison.pk).update(retry_at=timezone.now())
    assert dispatch() == 1
    poison.refresh_from_db()
    assert poison.dispatched_at is not None
    assert poison.retry_at is None
    assert list(Notification.objects.order_by("seq").values_list("event_id", "seq")) == [
        (good.pk, 1),
        (later.pk, 2),
        (poison.pk, 3),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("attempts", "wait"), [(0, 1), (1, 2), (5, 32), (11, 2048), (12, 3600), (900, 3600)])
def test_the_wait_doubles_with_each_attempt_up_to_an_hour(projections, dispatch, attempts, wait):
    user = UserFactory.create()
    event = tell([user], user)
    Event.objects.filter(pk=event.pk).update(attempts=attempts)

    def explode(events):
        raise ZeroDivisionError

    projections["explosive"] = dispatcher.Projection("explosive", project=explode)
    before = timezone.now()
    assert dispatch() == 0
    event.refresh_from_db()
    assert event.attempts == attempts + 1
    assert event.retry_at is not None
    assert abs((event.retry_at - before).total_seconds() - wait) < 5


@pytest.mark.django_db
def test_a_delivery_that_fails_leaves_the_rows_and_is_repeated(projections, dispatch):
    user = UserFactory.create()
    event = tell([user], user)
    failing = [True]

    def explode(events):
        if failing:
            raise ZeroDivisionError

    projections["explosive"] = dispatcher.Projection("explosive", deliver=explode)
    assert dispatch() == 0
    event.refresh_from_db()
    assert event.projected_at is not None
    assert (event.dispatched_at, event.attempts) == (None, 1)
    failing.clear()
    Event.objects.update(retry_at=timezone.now())
    assert dispatch() == 1
    assert Notification.objects.filter(user=user).count() == 1


@pytest.mark.django_db
def test_an_outage_postpones_nothing(projections, dispatch):
    user = UserFactory.create()
    event = tell([user], user)
    down = [True]

    def push(events):
        if down:
            raise RedisConnectionError("down")

    projections["outage"] = dispatcher.Projection("outage", deliver=push)
    with pytest.raises(RedisConnectionError):
        dispatch()
    event.refresh_from_db()
    assert (event.attempts, event.retry_at, event.dispatched_at) == (0, None, None)
    assert event.projected_at is not None
    down.clear()
    assert dispatch() == 1


# --- side by side ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_dispatchers_side_by_side_notify_once_and_number_without_gaps(monkeypatch):
    monkeypatch.setattr(dispatcher, "BATCH", 7)
    monkeypatch.setattr("events.services.wake_dispatcher", lambda: None)
    users = UserFactory.create_batch(3)
    for number in range(60):
        tell(users[: 1 + number % 3], users[0])
    finished = together(*[dispatcher.dispatch_pending] * 4)
    # What one held locked, another passed over: the sweep after them finds nothing lost.
    assert sum(finished) + dispatcher.dispatch_pending() == 60
    assert Event.objects.filter(dispatched_at=None).count() == 0
    for user, count in zip(users, (60, 40, 20), strict=True):
        rows = Notification.objects.filter(user=user)
        assert sorted(rows.values_list("seq", flat=True)) == list(range(1, count + 1))
        assert rows.values("event").distinct().count() == count
        assert NotificationCounter.objects.get(pk=user.pk).last_seq == count


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_not_skipped(monkeypatch):
    monkeypatch.setattr("events.services.wake_dispatcher", lambda: None)
    user = UserFactory.create()
    written, go_on = threading.Event(), threading.Event()
    ids = {}

    def slow():
        with transaction.atomic():
            ids["late"] = emit(stage_changed(), actor=None, subject=user, recipients=[user]).pk
            written.set()
            assert go_on.wait(20)

    thread = threading.Thread(target=with_own_connection, args=(slow,))
    thread.start()
    try:
        assert written.wait(20)
        ids["early"] = tell([user], user).pk
        assert ids["late"] < ids["early"]
        assert dispatcher.dispatch_pending() == 1
        assert list(Notification.objects.values_list("event_id", "seq")) == [(ids["early"], 1)]
    finally:
        go_on.set()
        thread.join(20)
    assert dispatcher.dispatch_pending() == 1
    assert list(Notification.objects.order_by("seq").values_list("event_id", "seq")) == [
        (ids["early"], 1),
        (ids["late"], 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_events_that_another_dispatcher_holds_are_passed_over_not_waited_for(monkeypatch):
    monkeypatch.setattr("events.services.wake_dispatcher", lambda: None)
    user = UserFactory.create()
    held, free = tell([user], user), tell([user], user)
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM events_event WHERE id = %s FOR UPDATE", [held.pk])
            with connection.cursor() as ours:
                ours.execute("SET lock_timeout = '2s'")
            assert dispatcher.dispatch_pending() == 1
            assert list(Notification.objects.values_list("event_id", flat=True)) == [free.pk]
            cursor.execute("ROLLBACK")
    finally:
        other.close()
        with connection.cursor() as ours:
            ours.execute("SET lock_timeout = 0")
    assert dispatcher.dispatch_pending() == 1


@pytest.mark.django_db(transaction=True)
def test_a_mail_to_an_account_that_is_gone_holds_up_nobody(dispatch):
    gone, other = UserFactory.create(), UserFactory.create()
    password_reset_request(email=gone.email)
    tell([other], other)
    gone.delete()
    dispatch()
    assert not Event.objects.filter(dispatched_at=None).exists()
    assert Notification.objects.get().user == other


@pytest.mark.django_db(transaction=True)
def test_a_row_that_only_the_commit_would_refuse_postpones_its_own_event_alone(dispatch, projections):
    user = UserFactory.create()
    bad, good = tell([], user), tell([user], user)

    def refer_to_nobody(events):
        for event in events:
            if event.pk == bad.pk:
                NotificationCounter.objects.create(user_id=2**31 - 1)

    projections["bad"] = dispatcher.Projection("bad", project=refer_to_nobody)
    dispatch()
    assert list(Event.objects.filter(dispatched_at=None)) == [bad]
    assert Notification.objects.get().event == good
