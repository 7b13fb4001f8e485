"""Making an account for oneself."""

import pytest

from events.models import Event
from notifications.mail import mails_send_due
from tests.checks import assert_refused
from tests.clients import PASSWORD
from tests.factories import UserFactory
from tests.writes import nothing_written
from users.choices import AccountStatus, Role
from users.models import User

pytestmark = pytest.mark.django_db

REGISTER = "/api/users/auth/register/"
LOGIN = "/api/users/auth/login/"
BODY = {
    "email": "Nia@Example.com",
    "password": PASSWORD,
    "first_name": "Nia",
    "last_name": "Novak",
    "phone": "0412 345 678",
}


def test_a_client_may_log_in_at_once(api):
    reply = api().post(REGISTER, BODY)
    assert reply.status_code == 201
    body = reply.json()
    assert set(body) == {"message", "user"}
    assert body["message"] == "You can log in now."
    user = User.objects.get(email="nia@example.com")
    assert body["user"]["id"] == user.pk
    assert (user.role, user.status, user.phone) == ("client", "active", "+61412345678")
    assert user.check_password(PASSWORD)
    assert PASSWORD not in reply.text
    reply = api().post(LOGIN, {"email": BODY["email"], "password": PASSWORD})
    assert reply.status_code == 200


@pytest.mark.parametrize("role", ["broker", "bd"])
def test_brokers_and_bdms_wait_for_approval(api, role, dispatch, mailbox):
    admin = UserFactory.create(role=Role.ADMIN)
    reply = api().post(REGISTER, {**BODY, "role": role})
    assert reply.status_code == 201
    assert reply.json()["message"] == "An administrator will look at your registration."
    user = User.objects.get(email="nia@example.com")
    assert (user.role, user.status) == (role, AccountStatus.PENDING)
    assert_refused(api().post(LOGIN, {"email": user.email, "password": PASSWORD}), 403, "account_pending")
    dispatch()
    assert list(admin.notifications.values_list("title", flat=True)) == ["New registration: Nia Novak"]

    reply = api(admin).post(f"/api/users/users/{user.pk}/approve/")
    assert (reply.status_code, reply.json()["status"]) == (200, "active")
    dispatch()
    assert mails_send_due() == 2
    assert [(mail.to, mail.subject) for mail in mailbox] == [
        ([admin.email], "New registration: Nia Novak"),
        ([user.email], "Your account is approved"),
    ]
    assert api().post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200


def test_a_registration_is_recorded(api):
    admin = UserFactory.create(role=Role.ADMIN)
    api().post(REGISTER, BODY)
    user = User.objects.get(email="nia@example.com")
    event = Event.objects.get()
    assert (event.type, event.actor, event.subject_id) == ("user.registered", user, user.pk)
    assert event.data == {"name": "Nia Novak", "role": "Client", "status": "Active"}
    assert event.recipients == [admin.pk]


@pytest.mark.parametrize("role", ["admin", "superuser", "Broker"])
def test_nobody_registers_as_anything_else(api, role):
    with nothing_written():
        reply = api().post(REGISTER, {**BODY, "role": role})
    assert_refused(reply, 400, "invalid", role=[f'"{role}" is not a valid choice.'])


@pytest.mark.parametrize("field", ["status", "is_active", "is_staff", "is_superuser", "email_verified_at"])
def test_what_is_not_ones_own_to_say_is_refused(api, field):
    with nothing_written():
        reply = api().post(REGISTER, {**BODY, field: True})
    assert_refused(reply, 400, "invalid", **{field: ["There is no such field here."]})


@pytest.mark.parametrize("email", ["nia@example.com", "NIA@example.COM"])
def test_an_address_registers_once_in_any_spelling(api, email):
    assert api().post(REGISTER, BODY).status_code == 201
    with nothing_written():
        reply = api().post(REGISTER, {**BODY, "email": email})
    assert_refused(reply, 400, "invalid", email=["An account with this e-mail exists already."])


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short1", "This password is too short. It must contain at least 8 characters."),
        ("password1", "This password is too common."),
        ("735519246803", "This password is entirely numeric."),
        ("nia@example.com", "The password is too similar to the email."),
    ],
)
def test_a_weak_password_is_refused(api, password, message):
    with nothing_written():
        reply = api().post(REGISTER, {**BODY, "password": password})
    assert reply.status_code == 400
    assert message in reply.json()["errors"]["password"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "no address", "Enter a valid email address."),
        ("first_name", "", "This field may not be blank."),
        ("phone", "12", "This is not a valid phone number."),
        ("timezone", "Mars/Olympus", "This is not a known time zone."),
        ("last_name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("first_name", "N\x00a", "Null characters are not allowed."),
    ],
)
def test_fields_are_checked(api, field, value, message):
    with nothing_written():
        reply = api().post(REGISTER, {**BODY, field: value})
    assert_refused(reply, 400, "invalid", **{field: [message]})
