"""Changing and resetting passwords."""

import re
from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError

from events.models import Event
from notifications.mail import mails_send_due
from notifications.models import OutgoingMail
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import UserFactory
from tests.writes import nothing_written
from users.choices import AccountStatus
from users.services.passwords import RESET_TASK

pytestmark = pytest.mark.django_db

CHANGE = "/api/users/auth/password/change/"
RESET = "/api/users/auth/password/reset/"
CONFIRM = "/api/users/auth/password/reset/confirm/"
LOGIN = "/api/users/auth/login/"
REGISTER = "/api/users/auth/register/"
ME = "/api/users/profile/"
NEW = "paper lantern over the harbour"
WEAK = [
    ("short1", "This password is too short. It must contain at least 8 characters."),
    ("password1", "This password is too common."),
    ("735519246803", "This password is entirely numeric."),
    ("mia.chen@example.com", "The password is too similar to the email."),
]


@pytest.fixture
def user(db):
    return UserFactory.create(email="mia.chen@example.com", first_name="Mia", last_name="Chen")


@pytest.fixture
def reset_link(api, work, dispatch, mailbox):
    """Ask for a link, do the worker's part, and take `uid` and `token` out of the mail."""

    def ask(email):
        assert api().post(RESET, {"email": email}).status_code == 200
        assert work(RESET_TASK) == 1
        dispatch()
        assert mails_send_due() == 1
        found = re.search(r"/reset-password\?uid=([\w-]+)&token=([\w-]+)", mailbox[-1].body)
        assert found is not None
        return {"uid": found[1], "token": found[2]}

    return ask


def logs_in(api, user, password):
    status = api().post(LOGIN, {"email": user.email, "password": password}).status_code
    assert status == (200 if status != 401 else 401)
    return status == 200


# --- changing -------------------------------------------------------------------------------------


def test_a_changed_password_ends_every_login_and_opens_a_fresh_one(user, api):
    here, there = api(user), api(user)
    reply = here.post(CHANGE, {"current_password": PASSWORD, "new_password": NEW})
    assert reply.status_code == 200
    body = reply.json()
    assert body["tokens"] == {"access": body["access"], "refresh": body["refresh"]}
    assert (body["user_id"], body["message"]) == (user.pk, "Password changed.")
    for client in (here, there):
        assert_refused(client.get(ME), 401, "token_not_valid")
        refused = api().post("/api/users/auth/refresh/", {"refresh": client.tokens.refresh})
        assert_refused(refused, 401, "token_not_valid")
    fresh = api()
    fresh.use(body["access"])
    assert fresh.get(ME).status_code == 200
    assert fresh.post("/api/users/auth/refresh/", {"refresh": body["refresh"]}).status_code == 200
    assert logs_in(api, user, NEW)
    assert not logs_in(api, user, PASSWORD)


def test_a_changed_password_is_recorded_and_its_owner_told(user, api, dispatch):
    client = api(user)
    client.post(CHANGE, {"current_password": PASSWORD, "new_password": NEW})
    assert event_types() == ["user.logged_in", "user.password_changed", "user.logged_in"]
    event = Event.objects.get(type="user.password_changed")
    assert (event.subject_id, event.data, event.recipients) == (user.pk, {"by_reset": False}, [user.pk])
    dispatch()
    assert list(user.notifications.values_list("title", flat=True)) == ["Your password was changed"]


def test_the_current_password_has_to_be_right(user, api):
    client = api(user)
    with nothing_written():
        reply = client.post(CHANGE, {"current_password": "wrong", "new_password": NEW})
    assert_refused(reply, 400, "invalid", current_password=["This is not your current password."])
    assert client.get(ME).status_code == 200


@pytest.mark.parametrize(("password", "message"), WEAK)
def test_a_weak_new_password_is_refused(user, api, password, message):
    client = api(user)
    with nothing_written():
        reply = client.post(CHANGE, {"current_password": PASSWORD, "new_password": password})
    assert reply.status_code == 400
    assert message in reply.json()["errors"]["new_password"]


# --- resetting ------------------------------------------------------------------------------------


def test_a_password_is_reset_by_mail_from_end_to_end(user, api, mailbox, reset_link):
    before = api(user)
    link = reset_link(user.email.upper())
    assert [mail.to for mail in mailbox] == [[user.email]]
    assert mailbox[0].subject == "Reset your password"
    reply = api().post(CONFIRM, {**link, "new_password": NEW})
    assert (reply.status_code, reply.json()) == (200, {"message": "Password set. Log in with it."})
    assert_refused(before.get(ME), 401, "token_not_valid")
    assert logs_in(api, user, NEW)
    assert not logs_in(api, user, PASSWORD)
    event = Event.objects.get(type="user.password_changed")
    assert event.data == {"by_reset": True}


def test_the_secret_of_a_link_is_nowhere_in_the_database(user, reset_link):
    link = reset_link(user.email)
    rows = [*Event.objects.values(), *OutgoingMail.objects.values()]
    assert not any(link["token"] in str(row) for row in rows)


def test_a_link_works_once(user, api, reset_link):
    link = reset_link(user.email)
    assert api().post(CONFIRM, {**link, "new_password": NEW}).status_code == 200
    with nothing_written():
        reply = api().post(CONFIRM, {**link, "new_password": "another good harbour lantern"})
    message = "This reset link is not valid any more. Request a new one."
    assert_refused(reply, 400, "invalid", token=[message])


def test_a_link_expires(user, api, settings, reset_link):
    link = reset_link(user.email)
    later = timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 1)
    with time_machine.travel(later), nothing_written():
        reply = api().post(CONFIRM, {**link, "new_password": NEW})
        assert list(assert_refused_token(reply)) == ["token"]


def test_a_new_login_makes_an_older_link_void(user, api, reset_link):
    link = reset_link(user.email)
    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        assert logs_in(api, user, PASSWORD)
    with nothing_written():
        assert_refused_token(api().post(CONFIRM, {**link, "new_password": NEW}))


def test_a_link_is_void_for_a_suspended_account(user, api, reset_link):
    link = reset_link(user.email)
    user.status = AccountStatus.SUSPENDED
    user.save()
    with nothing_written():
        assert_refused_token(api().post(CONFIRM, {**link, "new_password": NEW}))


def test_a_link_is_void_for_another_user(user, api, reset_link):
    link, other = reset_link(user.email), UserFactory.create()
    uid = reset_link(other.email)["uid"]
    with nothing_written():
        assert_refused_token(api().post(CONFIRM, {**link, "uid": uid, "new_password": NEW}))


@pytest.mark.parametrize("uid", ["x", "____", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "é", "LTE"])
def test_a_link_of_nobody_is_void(user, api, reset_link, uid):
    link = reset_link(user.email)
    with nothing_written():
        assert_refused_token(api().post(CONFIRM, {**link, "uid": uid, "new_password": NEW}))


@pytest.mark.parametrize(("password", "message"), WEAK)
def test_a_weak_password_does_not_use_the_link_up(user, api, reset_link, password, message):
    link = reset_link(user.email)
    with nothing_written():
        reply = api().post(CONFIRM, {**link, "new_password": password})
    assert reply.status_code == 400
    assert message in reply.json()["errors"]["new_password"]
    assert api().post(CONFIRM, {**link, "new_password": NEW}).status_code == 200


@pytest.mark.parametrize("status", [None, AccountStatus.PENDING, AccountStatus.SUSPENDED])
def test_asking_for_an_account_that_cannot_log_in_says_the_same_and_sends_nothing(
    user, api, work, dispatch, mailbox, status
):
    email = UserFactory.create(status=status).email if status else "nobody@example.com"
    known = api().post(RESET, {"email": user.email})
    assert work(RESET_TASK) == 1
    with nothing_written():
        unknown = api().post(RESET, {"email": email})
        assert work(RESET_TASK) == 1
    assert (unknown.status_code, unknown.json()) == (known.status_code, known.json())
    dispatch()
    assert mails_send_due() == 1
    assert [mail.to for mail in mailbox] == [[user.email]]


def test_asking_looks_nothing_up_so_that_the_clock_tells_nothing(user, api, django_assert_num_queries):
    for email in (user.email, "nobody@example.com"):
        with django_assert_num_queries(0):
            assert api().post(RESET, {"email": email}).status_code == 200


def test_what_a_reset_causes_carries_the_id_of_its_request(user, api, work):
    api().post(RESET, {"email": user.email}, headers={"x-request-id": "trace-me-1234"})
    work(RESET_TASK)
    assert Event.objects.get(type="user.password_reset_requested").request_id == "trace-me-1234"


def test_a_queue_that_is_away_is_told(user, api, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(current_app, "send_task", away)
    reply = api().post(RESET, {"email": user.email})
    assert_refused(reply, 503, "unavailable")
    assert reply["Retry-After"] == "5"


def assert_refused_token(reply):
    message = "This reset link is not valid any more. Request a new one."
    return assert_refused(reply, 400, "invalid", token=[message])["errors"]
