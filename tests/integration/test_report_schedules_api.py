"""Schedules of saved reports: each reader gets a file of what they see, once for each time that is due."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError

from events.models import Event
from notifications.models import OutgoingMail
from notifications.tasks import send_mail
from reports import tasks
from reports.models import ReportFile, ReportSchedule, SavedReport
from reports.selectors.sums import ReportsNotReady
from reports.serializers.kept import reading_of
from reports.services.schedules import files_make_pending, schedules_run_due
from reports.tasks import run_schedules
from tests.factories import ApplicationFactory, ReportScheduleFactory, SavedReportFactory
from tests.writes import nothing_written
from users.models import User

SCHEDULES = "/api/reports/schedules/"
FILES = "/api/reports/files/"
EXPORT = "/api/reports/export/?format=csv"
NOW = datetime(2030, 1, 1, 0, tzinfo=UTC)
BY_BROKER = {"source": "applications", "dimensions": ["broker"], "measures": ["count"]}
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def report(world):
    return SavedReportFactory.create(
        owner=world.admin, name="By broker", definition=BY_BROKER, shared_with="brokers"
    )


def due(report, users, **fields):
    """A daily schedule that is due at 07:00 of Sydney, 20:00 UTC."""
    return ReportScheduleFactory.create(
        report=report, recipients=users, next_run_at=datetime(2030, 1, 1, 20, tzinfo=UTC), **fields
    )


def test_a_schedule_is_set_up_for_oneself(world, api, clock):
    bd = api(world.ours.bd_user)
    report = SavedReportFactory.create(owner=world.ours.bd_user)
    reply = bd.post(SCHEDULES, {"report": report.pk, "recurrence": "weekly", "weekday": 1, "at": "07:30"})
    assert reply.status_code == 201, reply.content
    shown = reply.json()
    assert (shown["timezone"], shown["format"], shown["is_paused"]) == ("Australia/Sydney", "pdf", False)
    assert shown["next_run_at"] == "2030-01-06T20:30:00Z"
    assert [one["id"] for one in shown["recipients"]] == [world.ours.bd_user.pk]
    path = f"{SCHEDULES}{shown['id']}/"
    monthly = {"recurrence": "monthly", "day_of_month": 31, "timezone": "Europe/Berlin", "at": "06:00"}
    changed = bd.patch(path, monthly, headers={"If-Match": reply["ETag"]}).json()
    assert (changed["weekday"], changed["next_run_at"]) == (None, "2030-01-31T05:00:00Z")
    assert bd.patch(path, {"is_paused": True}).json()["next_run_at"] is None
    assert bd.patch(path, {"is_paused": False}).json()["next_run_at"] == "2030-01-31T05:00:00Z"
    etag = bd.get(path)["ETag"]
    ReportSchedule.objects.update(last_run_at=NOW)
    assert bd.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert bd.delete(path).status_code == 204
    told = Event.objects.filter(type__startswith="report_schedule.").order_by("pk")
    assert [one.type.partition(".")[2] for one in told] == ["created", *["updated"] * 3, "deleted"]


def test_what_makes_no_schedule_is_refused(world, api):
    bd = api(world.ours.bd_user)
    report = SavedReportFactory.create(owner=world.ours.bd_user)
    shared = SavedReportFactory.create(owner=world.ours.bd_user, shared_with="brokers")
    daily: dict[str, Any] = {"report": report.pk, "recurrence": "daily", "at": "07:00"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"recurrence": "weekly"}, "weekday"),
        ({"recurrence": "monthly"}, "day_of_month"),
        ({"recurrence": "monthly", "day_of_month": 32}, "day_of_month"),
        ({"weekday": 1}, "weekday"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"at": "25:00"}, "at"),
        ({"format": "doc"}, "format"),
        ({"recipients": []}, "recipients"),
        # Does not see the report; is not seen by the caller.
        ({"recipients": [world.ours.broker_user.pk]}, "recipients"),
        ({"report": shared.pk, "recipients": [world.theirs.broker_user.pk]}, "recipients"),
        ({"report": SavedReportFactory.create().pk}, "report"),
    ]
    for fields, name in cases:
        with nothing_written():
            reply = bd.post(SCHEDULES, {**daily, **fields})
        assert (reply.status_code, list(reply.json()["errors"])) == (400, [name]), fields
    reply = bd.post(SCHEDULES, {**daily, "report": shared.pk, "recipients": [world.ours.broker_user.pk]})
    assert reply.status_code == 201
    # A schedule is its creator's.
    assert api(world.ours.broker_user).get(f"{SCHEDULES}{reply.json()['id']}/").status_code == 404


def test_each_reader_gets_their_own_figures_and_a_mail(world, api, dispatch, mailbox, clock, report):
    ApplicationFactory.create(broker=world.ours.broker)
    ours, theirs = world.ours.broker_user, world.theirs.broker_user
    due(report, [world.admin, ours, theirs])
    assert run_schedules() == 0
    clock.shift(timedelta(hours=20))
    assert run_schedules() == 3
    assert run_schedules() == 0
    dispatch()
    send_mail()
    assert {mail.to[0]: mail.subject for mail in mailbox} == dict.fromkeys(
        [world.admin.email, ours.email, theirs.email], "By broker is ready"
    )
    counts = {}
    for mail in mailbox:
        user = User.objects.get(email=mail.to[0])
        [file] = api(user).get(FILES).json()["results"]
        assert f"/reports/files/{file['id']}\n" in mail.body
        text = api(user).get(f"{FILES}{file['id']}/download/").content.decode()
        counts[user] = sorted(int(row[1]) for row in list(csv.reader(io.StringIO(text)))[1:])
    assert counts == {world.admin: [1, 2], ours: [2], theirs: [1]}


def test_one_click_stops_the_mail_and_no_more(world, api, dispatch, mailbox, clock, report):
    due(report, [world.ours.broker_user])
    clock.shift(timedelta(hours=20))
    run_schedules()
    dispatch()
    send_mail()
    link = mailbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    assert mailbox[0].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    reply = api().post(link[link.index("/api/") :])
    assert (reply.json()["what"], reply.json()["is_subscribed"]) == ("scheduled_report", False)
    clock.shift(timedelta(days=1))
    assert run_schedules() == 1
    dispatch()
    send_mail()
    assert len(mailbox) == OutgoingMail.objects.count() == 1
    assert api(world.ours.broker_user).get(FILES).json()["count"] == 2


def test_what_was_missed_is_made_once(world, clock, report):
    schedule = due(report, [world.admin])
    clock.shift(timedelta(days=9, hours=21))
    assert run_schedules() == 1
    schedule.refresh_from_db()
    assert schedule.last_run_at == NOW + timedelta(days=9, hours=21)
    assert schedule.next_run_at == datetime(2030, 1, 11, 20, tzinfo=UTC)
    assert run_schedules() == 0


def test_a_run_that_is_killed_between_its_steps_is_finished_by_the_next(world, clock, report, monkeypatch):
    due(report, [world.admin, world.ours.broker_user])
    clock.shift(timedelta(hours=20))
    calls = []

    def killed(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return made(*args)

    made = tasks.file_of
    monkeypatch.setattr(tasks, "file_of", killed)
    with pytest.raises(KeyboardInterrupt):
        run_schedules()
    assert ReportFile.objects.filter(status="ready").count() == 1
    assert run_schedules() == 1
    assert ReportFile.objects.filter(status="ready").count() == ReportFile.objects.count() == 2
    assert Event.objects.filter(type="report_file.ready").count() == 2


def test_who_left_or_sees_it_no_more_gets_none(world, clock, report):
    people = [world.admin, world.ours.broker_user, world.theirs.broker_user]
    schedule = due(report, people)
    User.objects.filter(pk=world.ours.broker_user.pk).update(status="suspended")
    clock.shift(timedelta(hours=20))
    assert run_schedules() == 2
    SavedReport.objects.update(shared_with="nobody")
    clock.shift(timedelta(days=1))
    assert run_schedules() == 1
    # Nothing for anybody once its creator has left.
    User.objects.filter(pk=world.admin.pk).update(status="suspended")
    clock.shift(timedelta(days=1))
    assert run_schedules() == 0
    schedule.refresh_from_db()
    assert schedule.last_error == "Who set it up does not see the report any more."


def test_nobody_gets_a_file_that_was_noted_before_they_left(world, clock, report):
    schedule = due(report, [world.admin, world.ours.broker_user])
    clock.shift(timedelta(hours=20))
    for user in (world.admin, world.ours.broker_user):
        ReportFile.objects.create(
            user=user, title="By broker", format="csv", schedule=schedule, due_at=schedule.next_run_at,
            created_at=NOW, expires_at=NOW + timedelta(days=30),
        )  # fmt: skip
    User.objects.filter(pk=world.ours.broker_user.pk).update(status="suspended")
    # The rows are there: the time that is due adds none of its own.
    assert run_schedules() == 1
    assert ReportFile.objects.get().user == world.admin


def test_a_paused_schedule_makes_nothing(world, clock, report):
    due(report, [world.admin])
    ReportSchedule.objects.update(is_paused=True, next_run_at=None)
    clock.shift(timedelta(days=3))
    assert run_schedules() == 0


def test_who_set_it_up_is_told_of_trouble_once_for_each_time(world, api, dispatch, clock, report):
    schedule = due(report, [world.admin, world.ours.broker_user])
    SavedReport.objects.update(definition={**BY_BROKER, "measures": ["gone"]})
    for day in (1, 2):
        clock.move_to(datetime(2030, 1, day, 20, tzinfo=UTC))
        assert run_schedules() == 0
        assert Event.objects.filter(type="report_schedule.failed").count() == day
    shown = api(world.admin).get(f"{SCHEDULES}{schedule.pk}/").json()
    assert "names what is not there any more" in shown["last_error"]
    dispatch()
    told = api(world.admin).get("/api/users/notifications/").json()["results"][0]
    assert (told["event_type"], told["title"]) == ("report_schedule.failed", "By broker could not be made")
    SavedReport.objects.update(definition=BY_BROKER)
    clock.move_to(datetime(2030, 1, 3, 20, tzinfo=UTC))
    assert run_schedules() == 2
    assert api(world.admin).get(f"{SCHEDULES}{schedule.pk}/").json()["last_error"] == ""


def test_a_standard_report_is_made_for_each_reader_who_sees_what_it_names(world, api, clock, report):
    definition = {"report": "application-volume", "broker_id": world.ours.broker.pk}
    SavedReport.objects.update(kind="application-volume", source="", definition=definition)
    schedule = due(report, [world.admin, world.ours.broker_user, world.theirs.broker_user])
    clock.shift(timedelta(hours=20))
    assert run_schedules() == 2
    for user in (world.admin, world.ours.broker_user):
        file = api(user).get(FILES).json()["results"][0]
        assert (file["title"], file["status"]) == ("By broker", "ready")
        content = api(user).get(f"{FILES}{file['id']}/download/").content.decode()
        assert content == api(user).get(EXPORT, definition).getvalue().decode()
    # To the other broker there is no such broker, here as at the report's own address.
    failed = ReportFile.objects.get(user=world.theirs.broker_user)
    assert failed.status == "failed"
    assert "what its reader does not see" in failed.error
    assert api(world.theirs.broker_user).get(EXPORT, definition).status_code == 400
    schedule.refresh_from_db()
    assert schedule.last_error == failed.error


def test_files_wait_until_reports_are_ready(world, clock, report, monkeypatch):
    due(report, [world.admin])
    clock.shift(timedelta(hours=20))
    made = tasks.file_of

    def rebuilding(report, reader, form):
        raise ReportsNotReady()

    monkeypatch.setattr(tasks, "file_of", rebuilding)
    with pytest.raises(ReportsNotReady):
        run_schedules()
    file = ReportFile.objects.get()
    assert (file.status, file.attempts) == ("pending", 0)
    monkeypatch.setattr(tasks, "file_of", made)
    assert run_schedules() == 1


def test_a_defect_is_tried_three_times_and_holds_nobody_up(world, api, clock, report, monkeypatch):
    schedule = due(report, [world.admin, world.ours.broker_user])
    clock.shift(timedelta(hours=20))
    made = tasks.file_of

    def broken(report, reader, form):
        if reader == world.admin:
            raise RuntimeError("the press is jammed")
        return made(report, reader, form)

    monkeypatch.setattr(tasks, "file_of", broken)
    assert run_schedules() == 1
    failed = ReportFile.objects.get(user=world.admin)
    assert (failed.status, failed.attempts, failed.error) == (
        "failed",
        3,
        "Something went wrong on our side.",
    )
    assert api(world.admin).get(f"{FILES}{failed.pk}/download/").json()["code"] == "report_file_not_ready"
    schedule.refresh_from_db()
    assert schedule.last_error == failed.error
    assert Event.objects.filter(type="report_schedule.failed").count() == 1


def test_a_statement_that_the_database_gives_up_holds_no_other_file_up(world, clock, report):
    bad = SavedReportFactory.create(owner=world.admin, name="Bad", definition=BY_BROKER)
    for one in (bad, report):
        due(one, [world.admin])
    clock.shift(timedelta(hours=20))
    schedules_run_due(check=reading_of)

    def make(report, reader, form):
        if report == bad:
            raise OperationalError("out of memory")
        return tasks.file_of(report, reader, form)

    assert files_make_pending(make=make) == 1
    files = dict(ReportFile.objects.values_list("title", "status"))
    assert files == {"Bad": "failed", "By broker": "ready"}


def test_schedules_go_with_their_report_and_others_who_set_one_up_are_told(world, api, clock):
    bd, broker = world.ours.bd_user, world.ours.broker_user
    shared = SavedReportFactory.create(owner=bd, name="Ours", shared_with="brokers")
    mine, theirs = (due(shared, [user], created_by=user) for user in (bd, broker))
    assert api(bd).delete(f"/api/reports/saved/{shared.pk}/").status_code == 204
    gone = Event.objects.filter(type="report_schedule.deleted").values_list("subject_id", flat=True)
    assert sorted(gone) == sorted([mine.pk, theirs.pk])
    told = Event.objects.get(type="report_schedule.failed")
    assert (told.recipients, told.data["schedule_id"]) == ([broker.pk], theirs.pk)
    assert told.data["error"] == "The report was deleted, and its schedules with it."
    assert Event.objects.filter(type="saved_report.deleted", subject_id=shared.pk).count() == 1
    assert not ReportSchedule.objects.exists()


def test_a_definition_that_cannot_even_be_checked_holds_no_other_schedule_up(world, clock, report):
    bad = SavedReportFactory.create(owner=world.admin, name="Bad", definition=BY_BROKER)
    due(bad, [world.admin])
    good = due(report, [world.admin])
    clock.shift(timedelta(hours=20))

    def check(report, reader):
        if report == bad:
            raise TypeError("of another release")

    assert schedules_run_due(check=check) == 2
    assert ReportFile.objects.get().schedule == good
    assert ReportSchedule.objects.get(report=bad).last_error == "Something went wrong on our side."
