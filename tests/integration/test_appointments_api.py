"""Appointments over HTTP."""

import re
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone
from icalendar import Calendar

from applications.models import ApplicationBorrower, Signature
from borrowers.models import Borrower
from engagement.models import Appointment, CalendarLink, OfficeHours
from engagement.services.appointments import appointments_remind
from events.models import Event
from tests.clients import ApiClient
from tests.factories import UserFactory
from tests.threads import statuses, together
from tests.writes import nothing_written

URL = "/api/appointments/"
SYDNEY = ZoneInfo("Australia/Sydney")
NOW = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)  # Monday, 10:00 in Sydney


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def moment(day, hour, minute=0):
    """In June 2026, by the clock of Sydney."""
    return datetime(2026, 6, day, hour, minute, tzinfo=SYDNEY).astimezone(UTC)


def opened(host):
    for weekday in range(1, 6):
        OfficeHours.objects.create(host=host, weekday=weekday, opens_at=time(9), closes_at=time(17))


def body(world, host, day=3, hour=10, **fields):
    return {
        "host": host.pk,
        "application": world.ours.application.pk,
        "title": "First talk",
        "kind": "phone",
        "starts_at": moment(day, hour).isoformat(),
        "ends_at": moment(day, hour, 30).isoformat(),
        **fields,
    }


def booked(world, api, host=None, **fields):
    host = host or world.ours.bd_user
    if not OfficeHours.objects.filter(host=host).exists():
        opened(host)
    reply = api(host).post(URL, body(world, host, **fields))
    assert reply.status_code == 201, reply.content
    return reply.json()


def test_a_client_books_the_bdm_of_the_own_application(world, api):
    opened(world.ours.bd_user)
    reply = api(world.ours.client_user).post(URL, body(world, world.ours.bd_user))
    assert reply.status_code == 201
    shown = reply.json()
    assert shown["host"]["id"] == world.ours.bd_user.pk
    assert (shown["status"], shown["timezone"], shown["sequence"]) == ("scheduled", "Australia/Sydney", 0)
    event = Event.objects.get(type="appointment.booked")
    assert event.recipients == [world.ours.bd_user.pk]
    assert event.application_id == world.ours.application.pk
    assert event.data["when"] == "Wed 03 Jun 2026, 10:00 AEST"


def test_a_client_books_nobody_else(world, api):
    opened(world.ours.broker_user)
    opened(world.theirs.bd_user)
    client = api(world.ours.client_user)
    for host in (world.ours.broker_user, world.theirs.bd_user, world.admin):
        with nothing_written():
            reply = client.post(URL, body(world, host))
        assert reply.status_code == 400
        assert set(reply.json()["errors"]) == {"host"}


def test_the_guest_is_one_and_visible(world, api):
    client = api(world.ours.broker_user)
    opened(world.ours.broker_user)
    sent = body(world, world.ours.broker_user)
    both = {**sent, "borrower": world.ours.borrower.pk}
    assert set(client.post(URL, both).json()["errors"]) == {"borrower", "application"}
    theirs = {**sent, "application": world.theirs.application.pk}
    reply = client.post(URL, theirs)
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {"application"})


def test_outside_office_hours_only_hosts_themselves_are_booked(world, api):
    host = world.ours.bd_user
    opened(host)
    late = {"starts_at": moment(3, 17).isoformat(), "ends_at": moment(3, 18).isoformat()}
    for user in (world.ours.broker_user, world.ours.client_user, host):
        caller = api(user)
        with nothing_written():
            reply = caller.post(URL, body(world, host, **late))
        assert (reply.status_code, set(reply.json()["errors"])) == (400, {"starts_at"})
    caller = api(world.ours.broker_user)
    with nothing_written():
        reply = caller.post(URL, body(world, host, **late, outside_hours=True))
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {"outside_hours"})
    assert api(host).post(URL, body(world, host, **late, outside_hours=True)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"starts_at": NOW.isoformat()}, "starts_at"),
        ({"starts_at": "2029-06-01T00:00:00Z", "ends_at": "2029-06-01T01:00:00Z"}, "starts_at"),
        ({"ends_at": moment(3, 10).isoformat()}, "ends_at"),
        ({"ends_at": moment(3, 23).isoformat()}, "ends_at"),
    ],
)
def test_times_have_limits(world, api, fields, name):
    opened(world.ours.bd_user)
    caller = api(world.ours.bd_user)
    with nothing_written():
        reply = caller.post(URL, body(world, world.ours.bd_user, **fields))
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {name})


def test_a_host_is_booked_once_at_a_time(world, api):
    booked(world, api)
    client = api(world.ours.client_user)
    with nothing_written():
        reply = client.post(URL, body(world, world.ours.bd_user, starts_at=moment(3, 10, 15).isoformat()))
    assert reply.status_code == 409
    assert reply.json()["code"] == "appointment_clash"
    after = {"starts_at": moment(3, 10, 30).isoformat(), "ends_at": moment(3, 11).isoformat()}
    assert client.post(URL, body(world, world.ours.bd_user, **after)).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_many_who_book_at_once_get_one_time(world, api):
    opened(world.ours.bd_user)
    sent = body(world, world.ours.bd_user)
    clients = [ApiClient(world.ours.client_user) for _ in range(6)]
    replies = together(*[lambda client=client: client.post(URL, sent) for client in clients])
    assert statuses(replies) == [201, 409, 409, 409, 409, 409]
    refused = [reply.json() for reply in replies if reply.status_code == 409]
    assert {problem["code"] for problem in refused} == {"appointment_clash"}
    assert Appointment.objects.count() == 1
    assert Event.objects.filter(type="appointment.booked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_time_is_not_booked_and_moved_to_at_once(world, api):
    first = booked(world, api, day=4)
    client, host = ApiClient(world.ours.client_user), ApiClient(world.ours.bd_user)
    to = {"starts_at": moment(3, 10).isoformat(), "ends_at": moment(3, 10, 30).isoformat()}
    replies = together(
        lambda: client.post(URL, body(world, world.ours.bd_user)),
        lambda: host.post(f"{URL}{first['id']}/reschedule/", to),
    )
    booking, move = (reply.status_code for reply in replies)
    assert (booking, move) == ((201, 409) if booking == 201 else (409, 200))
    assert Appointment.objects.filter(starts_at=moment(3, 10)).count() == 1


def test_moving_keeps_the_history_and_tells(world, api):
    shown = booked(world, api)
    reply = api(world.ours.client_user).post(
        f"{URL}{shown['id']}/reschedule/",
        {
            "starts_at": moment(4, 9).isoformat(),
            "ends_at": moment(4, 10).isoformat(),
            "reason": "I am away.",
        },
    )
    assert reply.status_code == 200
    moved = reply.json()
    assert (moved["uid"], moved["sequence"], moved["status"]) == (shown["uid"], 1, "scheduled")
    (move,) = moved["moves"]
    assert (move["from_starts_at"], move["reason"]) == (shown["starts_at"], "I am away.")
    event = Event.objects.get(type="appointment.rescheduled")
    assert event.recipients == [world.ours.bd_user.pk]
    assert event.data["before"] == "Wed 03 Jun 2026, 10:00 AEST"


def test_moving_onto_another_one_changes_nothing(world, api):
    booked(world, api)
    other = booked(world, api, day=4)
    to = {"starts_at": moment(3, 10).isoformat(), "ends_at": moment(3, 11).isoformat()}
    caller = api(world.ours.bd_user)
    with nothing_written():
        reply = caller.post(f"{URL}{other['id']}/reschedule/", to)
    assert (reply.status_code, reply.json()["code"]) == (409, "appointment_clash")


ACTIONS = {
    "complete": {},
    "miss": {"attended": False},
    "cancel": {},
    "reschedule": {"starts_at": moment(5, 9).isoformat(), "ends_at": moment(5, 10).isoformat()},
}
AFTER = {"complete": "completed", "miss": "no_show", "cancel": "cancelled", "reschedule": "scheduled"}


@pytest.mark.parametrize("status", ["scheduled", "completed", "cancelled", "no_show"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_move_from_every_state(world, api, status, action):
    shown = booked(world, api)
    Appointment.objects.update(status=status)
    address = f"{URL}{shown['id']}/{'complete' if action == 'miss' else action}/"
    with time_machine.travel(moment(3, 11), tick=False):
        reply = api(world.ours.bd_user).post(address, ACTIONS[action])
        if status == "scheduled":
            assert reply.status_code == 200
            assert reply.json()["status"] == AFTER[action]
        else:
            assert (reply.status_code, reply.json()["code"]) == (409, "appointment_over")


def test_what_has_not_begun_is_not_complete(world, api):
    shown = booked(world, api)
    caller = api(world.ours.bd_user)
    with nothing_written():
        reply = caller.post(f"{URL}{shown['id']}/complete/", {})
    assert (reply.status_code, reply.json()["code"]) == (409, "appointment_over")


def test_a_cancelled_time_is_free_again(world, api):
    shown = booked(world, api)
    client = api(world.ours.client_user)
    assert client.post(f"{URL}{shown['id']}/cancel/", {"reason": "Ill."}).status_code == 200
    assert client.post(URL, body(world, world.ours.bd_user)).status_code == 201


def test_notes_and_outcome_are_not_for_the_client(world, api):
    shown = booked(world, api, notes="Ask for the payslips.")
    assert shown["notes"] == "Ask for the payslips."
    assert api(world.ours.client_user).get(f"{URL}{shown['id']}/").json()["notes"] == ""


def test_others_do_not_see_it(world, api):
    shown = booked(world, api)
    for user in world.theirs.users.values():
        assert api(user).get(f"{URL}{shown['id']}/").status_code == 404
        assert api(user).get(URL).json()["count"] == 0


def test_the_timelines_of_application_and_borrower_show_it(world, api):
    shown = booked(world, api)
    opened(world.ours.broker_user)
    sent = body(world, world.ours.broker_user, application=None, borrower=world.ours.borrower.pk)
    other = api(world.ours.broker_user).post(URL, sent).json()
    timeline = api(world.ours.broker_user).get(f"/api/borrowers/{world.ours.borrower.pk}/timeline/").json()
    booked_ones = [row for row in timeline["results"] if row["type"] == "appointment.booked"]
    assert {row["data"]["appointment_id"] for row in booked_ones} == {shown["id"], other["id"]}
    of_application = api(world.ours.bd_user).get(f"/api/applications/{world.ours.application.pk}/timeline/")
    assert [row["data"]["appointment_id"] for row in of_application.json()["results"]] == [shown["id"]]


# --- what is free ------------------------------------------------------------------------------


def free(api, user, host, first, last, **more):
    query = {"host": host.pk, "from": first, "to": last, **more}
    return api(user).get(f"{URL}availability/", query)


def test_availability_leaves_out_what_is_booked_and_past(world, api):
    booked(world, api, day=1, hour=15)
    reply = free(api, world.ours.client_user, world.ours.bd_user, "2026-06-01", "2026-06-01", minutes=60)
    assert reply.status_code == 200
    starts = [datetime.fromisoformat(slot["starts_at"]) for slot in reply.json()["slots"]]
    hours = [(moment(1, hour), 0) for hour in (11, 12, 13, 14)]
    assert starts == [start for start, _ in hours] + [moment(1, 15, 30)]


def test_every_slot_can_be_booked(world, api):
    host = world.ours.bd_user
    booked(world, api)
    slots = free(api, world.ours.client_user, host, "2026-06-03", "2026-06-03", minutes=45).json()["slots"]
    assert len(slots) > 5
    for slot in slots:
        assert api(world.ours.client_user).post(URL, body(world, host, **slot)).status_code == 201
    again = free(api, world.ours.client_user, host, "2026-06-03", "2026-06-03", minutes=45)
    assert again.json()["slots"] == []


@pytest.mark.parametrize(("day", "first"), [("2026-10-02", "T23:00:00Z"), ("2026-10-05", "T22:00:00Z")])
def test_availability_follows_the_clock_of_the_host(world, api, day, first):
    opened(world.ours.bd_user)
    slots = free(api, world.ours.client_user, world.ours.bd_user, day, day).json()["slots"]
    assert slots[0]["starts_at"].endswith(first)
    assert len(slots) == 16


def test_availability_is_of_those_whom_one_may_book(world, api):
    nobody = UserFactory.build(pk=2**31 - 1)
    for host in (world.theirs.bd_user, world.ours.broker_user, world.admin, nobody):
        reply = free(api, world.ours.client_user, host, "2026-06-01", "2026-06-02")
        refused = {"host": [f'Invalid pk "{host.pk}" - object does not exist.']}
        assert (reply.status_code, reply.json()["errors"]) == (400, refused)
    reply = free(api, world.ours.client_user, world.ours.bd_user, "2026-06-02", "2026-06-01")
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {"to"})


def test_hosts_set_their_own_office_hours(world, api):
    sent = {"weekday": 1, "opens_at": "09:00", "closes_at": "12:00"}
    reply = api(world.ours.broker_user).post("/api/office-hours/", sent)
    assert reply.status_code == 201
    assert reply.json()["host"] == world.ours.broker_user.pk
    address = f"/api/office-hours/{reply.json()['id']}/"
    assert api(world.ours.bd_user).patch(address, {"weekday": 2}).status_code == 403
    assert api(world.theirs.bd_user).get(address).status_code == 404
    for wrong, name in [
        ({**sent, "closes_at": "09:00"}, "closes_at"),
        ({**sent, "kind": "closed"}, "weekday"),
        ({"opens_at": "09:00", "closes_at": "12:00"}, "weekday"),
        ({**sent, "host": world.ours.bd_user.pk}, "host"),
        ({**sent, "host": 2**31 - 1}, "host"),
    ]:
        reply = api(world.ours.broker_user).post("/api/office-hours/", wrong)
        assert reply.status_code == 400
        assert name in reply.json()["errors"]


# --- reminders ---------------------------------------------------------------------------------


def reminded():
    return Event.objects.filter(type="appointment.reminder_due").count()


def test_reminders_come_a_day_and_an_hour_before_once(world, api):
    booked(world, api)
    start = moment(3, 10)
    for before, count in [(25, 0), (24, 1), (23, 0), (1, 1), (1, 0), (0, 0), (-1, 0)]:
        assert appointments_remind(start - timedelta(hours=before)) == count, before
    event = Event.objects.filter(type="appointment.reminder_due").first()
    assert event.recipients == sorted([world.ours.bd_user.pk, world.ours.client_user.pk])


def test_a_missed_run_is_made_up_with_one_reminder(world, api):
    booked(world, api)
    assert appointments_remind(moment(3, 9, 30)) == 1
    assert appointments_remind(moment(3, 9, 40)) == 0


def test_moving_moves_the_reminders(world, api):
    shown = booked(world, api)
    assert appointments_remind(moment(2, 11)) == 1
    to = {"starts_at": moment(5, 10).isoformat(), "ends_at": moment(5, 11).isoformat()}
    assert api(world.ours.bd_user).post(f"{URL}{shown['id']}/reschedule/", to).status_code == 200
    assert appointments_remind(moment(3, 9, 30)) == 0
    assert appointments_remind(moment(4, 10)) == 1


def test_what_is_cancelled_or_just_booked_is_not_reminded_of(world, api):
    shown = booked(world, api)
    assert api(world.ours.bd_user).post(f"{URL}{shown['id']}/cancel/", {}).status_code == 200
    assert appointments_remind(moment(3, 9, 30)) == 0
    booked(world, api, day=1, hour=12)
    assert appointments_remind(NOW) == 0
    assert appointments_remind(moment(1, 11)) == 1


@pytest.mark.django_db(transaction=True)
def test_runs_at_once_remind_once(world, api):
    booked(world, api)
    assert sum(together(*[lambda: appointments_remind(moment(2, 12))] * 4)) == 1
    assert reminded() == 1


# --- calendars ---------------------------------------------------------------------------------


def feed(api, user):
    reply = api(user).post(f"{URL}calendar-link/")
    assert reply.status_code == 201
    parts = urlsplit(reply.json()["url"])
    return f"{parts.path}?{parts.query}"


def test_the_feed_shows_what_the_api_does(world, api):
    first = booked(world, api, location="Level 3", link="https://meet.example.com/1")
    second = booked(world, api, day=4)
    to = {"starts_at": moment(5, 10).isoformat(), "ends_at": moment(5, 11).isoformat()}
    api(world.ours.bd_user).post(f"{URL}{first['id']}/reschedule/", to)
    api(world.ours.bd_user).post(f"{URL}{second['id']}/cancel/", {})
    reply = ApiClient(None).get(feed(api, world.ours.client_user))
    assert reply.status_code == 200
    assert reply["Content-Type"] == "text/calendar; charset=utf-8"
    events = {str(event["UID"]): event for event in Calendar.from_ical(reply.content).walk("VEVENT")}
    assert set(events) == {first["uid"], second["uid"]}
    moved, off = events[first["uid"]], events[second["uid"]]
    assert (moved.start, moved.end) == (moment(5, 10), moment(5, 11))
    assert (moved["SEQUENCE"], moved["STATUS"], off["SEQUENCE"], off["STATUS"]) == (
        1,
        "CONFIRMED",
        1,
        "CANCELLED",
    )
    assert (str(moved["SUMMARY"]), str(moved["LOCATION"])) == ("First talk", "Level 3")


def test_the_feed_tells_no_notes(world, api):
    booked(world, api, notes="TFN 123456782")
    body_ = ApiClient(None).get(feed(api, world.ours.bd_user)).content.decode()
    assert "First talk" in body_
    assert "123456782" not in body_
    assert Borrower.objects.get(pk=world.ours.borrower.pk).email not in body_


def test_a_calendar_that_is_known_is_not_sent_again(world, api):
    address = feed(api, world.ours.bd_user)
    etag = ApiClient(None).get(address)["ETag"]
    again = ApiClient(None).get(address, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    booked(world, api)
    assert ApiClient(None).get(address, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_no_text_breaks_a_calendar(world, api):
    pk = booked(world, api)["id"]
    texts = {"title": "a\x0bb\x07\r\nATTACH:http://example.com", "location": "a\x1f;,\\"}
    assert api(world.ours.bd_user).patch(f"{URL}{pk}/", texts).status_code == 200
    content = ApiClient(None).get(feed(api, world.ours.bd_user)).content
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", content)
    assert b"\r\nATTACH" not in content
    (event,) = Calendar.from_ical(content).events
    assert (event["SUMMARY"], event["LOCATION"]) == ("a b \nATTACH:http://example.com", "a ;,\\")


def test_links_are_replaced_ended_and_kept_as_hashes(world, api):
    user = world.ours.bd_user
    first = feed(api, user)
    second = feed(api, user)
    assert first.split(".")[-1] not in CalendarLink.objects.get().token_hash
    assert ApiClient(None).get(first).status_code == 404
    assert ApiClient(None).get(second).status_code == 200
    assert api(user).get(f"{URL}calendar-link/").json()["is_on"] is True
    assert api(user).delete(f"{URL}calendar-link/").status_code == 204
    reply = ApiClient(None).get(second)
    assert (reply.status_code, reply.json()["code"]) == (404, "calendar_link_unknown")
    assert api(user).get(f"{URL}calendar-link/").json() == {"is_on": False, "created_at": None}


@pytest.mark.parametrize("token", ["", "1", "1.", "x.y", "²." + "a" * 43, "9" * 30 + ".a", "1.\x00é"])
def test_no_token_of_nobody_opens_a_calendar(world, api, token):
    feed(api, world.ours.bd_user)
    assert ApiClient(None).get(f"{URL}calendar.ics", {"token": token}).status_code == 404


def test_who_may_not_log_in_has_no_calendar(world, api):
    address = feed(api, world.ours.bd_user)
    world.ours.bd_user.status = "suspended"
    world.ours.bd_user.save()
    assert ApiClient(None).get(address).status_code == 404
    assert timezone.now() == NOW


@pytest.fixture
def shared(world):
    """A borrower who is on an application of both branches."""
    ApplicationBorrower.objects.create(application=world.theirs.application, borrower=world.ours.borrower)
    return world.ours.borrower


def test_a_shared_borrowers_timeline_tells_of_the_own_branchs_appointments_only(world, api, shared):
    path = f"/api/borrowers/{shared.pk}/timeline/"
    alone = {"application": None, "borrower": shared.pk, "title": "About a divorce"}
    shown = booked(world, api, world.theirs.bd_user, **alone)
    api(world.theirs.bd_user).patch(f"{URL}{shown['id']}/", {"title": "About money"})
    of_both = {"appointment.booked", "appointment.updated"}

    def told(user):
        body = api(user).get(path, {"limit": 50}).json()
        assert body["count"] == len(body["results"])
        return {row["type"] for row in body["results"] if row["type"].startswith("appointment.")}

    seeing = (world.theirs.bd_user, world.admin)
    blind = (world.ours.bd_user, world.ours.broker_user, world.theirs.broker_user)
    assert [told(user) for user in seeing] == [of_both] * 2
    assert [told(user) for user in blind] == [set()] * 3
    # What staff edit is not a client's to read, but that they are to meet is.
    assert told(world.ours.client_user) == {"appointment.booked"}
    assert api(world.admin).delete(f"{URL}{shown['id']}/").status_code == 204
    assert told(world.theirs.bd_user) == of_both
    assert [told(user) for user in blind] == [set()] * 3


def test_everybody_on_an_application_reads_of_its_appointments(world, api):
    booked(world, api)
    for path in (
        f"/api/applications/{world.ours.application.pk}",
        f"/api/borrowers/{world.ours.borrower.pk}",
    ):
        for user in (*world.ours.users.values(), world.admin):
            rows = api(user).get(f"{path}/timeline/", {"limit": 50}).json()["results"]
            assert "appointment.booked" in {row["type"] for row in rows}, (path, user.role)


@pytest.mark.parametrize("guest", ["lead", "application"])
def test_who_would_meet_is_told_when_what_it_is_about_is_deleted(world, api, guest):
    about = getattr(world.ours, guest)
    Signature.objects.all().delete()
    fields = {"application": None, guest: about.pk}
    to_come = booked(world, api, **fields)
    over = booked(world, api, hour=12, **fields)
    api(world.ours.bd_user).post(f"{URL}{over['id']}/cancel/", {})
    Event.objects.all().delete()
    path = f"/api/{guest}s/{about.pk}/"
    assert api(world.admin).delete(path).status_code == 204
    event = Event.objects.get(type="appointment.cancelled")
    guests = [world.ours.client_user.pk] if guest == "application" else []
    assert event.data["appointment_id"] == to_come["id"]
    assert event.recipients == sorted([world.ours.bd_user.pk, *guests])
    assert not Appointment.objects.exists()
