"""Alerts: raised by people and by the system, seen to, and never in floods."""

import pytest
from django.db import transaction
from django.utils import timezone

from events.models import Event
from jobs.choices import JobStatus
from jobs.services.lifecycle import job_finish
from notifications.choices import AlertSource, Priority
from notifications.models import Alert, Notification
from notifications.services.alerts import alert_of_trouble
from tests.factories import AlertFactory, JobFactory, UserFactory
from tests.threads import together
from tests.writes import nothing_written

ALERTS = "/api/alerts/"


@pytest.fixture
def bd(world, api):
    return api(world.ours.bd_user)


def told(user):
    return list(Notification.objects.filter(user=user).order_by("seq").values_list("title", flat=True))


def trouble(key="mail"):
    with transaction.atomic():
        return alert_of_trouble(
            source=AlertSource.MAIL, key=key, priority=Priority.HIGH, title="Mail cannot be sent", body="Why."
        )


@pytest.mark.django_db
def test_an_alert_is_raised_acknowledged_and_resolved(world, api, bd, admin, dispatch):
    reply = bd.post(ALERTS, {"priority": "critical", "title": "The valuer is gone", "body": "Closed down."})
    assert reply.status_code == 201
    shown = reply.json()
    me = {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name}
    boss = {"id": world.admin.pk, "name": world.admin.full_name}
    assert shown == {
        "id": Alert.objects.get().pk,
        "source": "person",
        "source_display": "A person",
        "priority": "critical",
        "priority_display": "Critical",
        "title": "The valuer is gone",
        "body": "Closed down.",
        "status": "open",
        "status_display": "Open",
        "assigned_to": None,
        "created_by": me,
        "occurrences": 1,
        "last_seen_at": shown["last_seen_at"],
        "acknowledged_by": None,
        "acknowledged_at": None,
        "resolved_by": None,
        "resolved_at": None,
        "resolution": "",
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }
    at = f"{ALERTS}{shown['id']}/"
    reply = admin.post(f"{at}acknowledge/")
    assert reply.status_code == 200
    assert (reply.json()["status"], reply.json()["acknowledged_by"]) == ("acknowledged", boss)
    reply = admin.post(f"{at}resolve/", {"resolution": "Found another."})
    assert reply.status_code == 200
    assert (reply.json()["status"], reply.json()["resolved_by"]) == ("resolved", boss)
    assert reply.json()["resolution"] == "Found another."
    dispatch()
    assert told(world.admin) == ["Critical alert: The valuer is gone"]
    assert told(world.ours.bd_user) == ["Alert resolved: The valuer is gone"]


@pytest.mark.django_db
def test_whoever_is_to_see_to_it_is_told_instead_of_the_administrators(world, admin, api, dispatch):
    reply = admin.post(ALERTS, {"title": "Call the valuer", "assigned_to": world.ours.bd_user.pk})
    assert reply.status_code == 201
    at = f"{ALERTS}{reply.json()['id']}/"
    assert api(world.ours.bd_user).get(at).status_code == 200
    assert api(world.theirs.bd_user).get(at).status_code == 404
    reply = admin.patch(at, {"assigned_to": world.theirs.bd_user.pk})
    assert reply.status_code == 200
    assert api(world.ours.bd_user).get(at).status_code == 404
    dispatch()
    assert told(world.ours.bd_user) == ["Medium alert: Call the valuer"]
    assert told(world.theirs.bd_user) == ["An alert is yours"]
    assert told(world.admin) == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["broker", "client"])
def test_only_staff_see_to_alerts(world, admin, role):
    pk = world.user(role).pk
    with nothing_written():
        reply = admin.post(ALERTS, {"title": "Call", "assigned_to": pk})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"assigned_to": [f'Invalid pk "{pk}" - object does not exist.']}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "refused"),
    [("open", []), ("acknowledged", ["acknowledge"]), ("resolved", ["acknowledge", "resolve", "edit"])],
)
def test_every_state_allows_what_it_should(world, admin, status, refused):
    for what in ("acknowledge", "resolve", "edit"):
        alert = AlertFactory.create(
            status=status, resolved_at=AlertFactory.build().last_seen_at if status == "resolved" else None
        )
        at = f"{ALERTS}{alert.pk}/"

        def ask(what=what, at=at):
            return admin.patch(at, {"priority": "low"}) if what == "edit" else admin.post(f"{at}{what}/")

        if what in refused:
            with nothing_written():
                reply = ask()
            assert (reply.status_code, reply.json()["code"]) == (409, "alert_over"), what
        else:
            assert ask().status_code == 200, what
    assert admin.delete(at).status_code == 204


@pytest.mark.django_db
def test_trouble_that_repeats_is_counted_and_told_once(world, dispatch):
    assert trouble() is not None
    assert trouble() is None
    assert trouble("mail:olga@example.org") is not None
    dispatch()
    assert told(world.admin) == ["High alert: Mail cannot be sent"] * 2
    assert list(Alert.objects.order_by("pk").values_list("key", "occurrences")) == [
        ("mail", 2),
        ("mail:olga@example.org", 1),
    ]


@pytest.mark.django_db
def test_trouble_that_comes_back_after_it_was_resolved_is_told_anew(world, admin):
    first = trouble()
    assert admin.post(f"{ALERTS}{first.pk}/resolve/").status_code == 200
    second = trouble()
    assert second.pk != first.pk
    assert Event.objects.filter(type="alert.raised").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_trouble_noticed_by_many_at_once_is_one_alert():
    UserFactory.create(role="admin")
    together(*[trouble] * 6)
    alert = Alert.objects.get()
    assert alert.occurrences == 6
    assert Event.objects.filter(type="alert.raised").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "count"), [("failed", 1), ("succeeded", 0), ("cancelled", 0)])
def test_a_job_that_failed_raises_an_alert(world, dispatch, status, count):
    job = JobFactory.create(created_by=world.ours.broker_user, status="running", lease_until=timezone.now())
    with transaction.atomic():
        job_finish(job=job, status=JobStatus(status), message="The file has no rows.")
    dispatch()
    dispatch()
    assert Alert.objects.count() == count
    if count:
        alert = Alert.objects.get()
        assert (alert.source, alert.key, alert.status) == ("job", f"job:{job.pk}", "open")
        assert alert.body == f"Job {job.pk}: The file has no rows."
        assert told(world.admin) == [f"Medium alert: {alert.title}"]


@pytest.mark.django_db
def test_alerts_are_filtered(world, admin):
    mine = AlertFactory.create(assigned_to=world.admin, priority="low")
    other = AlertFactory.create(status="acknowledged", priority="critical")
    AlertFactory.create(source="mail", key="mail", priority="medium")
    Alert.objects.filter(pk=other.pk).update(created_at="2021-02-01T12:00:00Z")
    for query, keys in (
        (f"assigned_to={world.admin.pk}", [mine.pk]),
        ("status=acknowledged", [other.pk]),
        ("priority=critical", [other.pk]),
        ("priority=mild", []),
        ("source=person&ordering=created_at", [other.pk, mine.pk]),
        ("date_to=2021-02-01", [other.pk]),
        ("date_from=2021-02-01&date_to=2021-02-01", [other.pk]),
    ):
        reply = admin.get(f"{ALERTS}?{query}")
        assert reply.status_code == 200
        assert [row["id"] for row in reply.json()["results"]] == keys, query
