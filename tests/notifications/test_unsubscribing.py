"""Stopping mail by the link in it: no login, one kind only, and again does nothing more."""

import pytest

from notifications.models import DigestSubscription, NotificationPreference
from notifications.selectors import preferences
from notifications.unsubscribing import Stop
from tests.factories import UserFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

ADDRESS = "/api/users/unsubscribe/"
FORM = "application/x-www-form-urlencoded"


def address(stop):
    return f"{ADDRESS}?token={stop.token}"


def test_one_click_of_a_mail_program_stops_that_kind_by_mail_alone(api):
    user, other = UserFactory.create(), UserFactory.create()
    before = preferences(user)
    stop = Stop(user.pk, "repayment_overdue")
    for _ in range(2):
        reply = api().generic("POST", address(stop), "List-Unsubscribe=One-Click", FORM)
        assert reply.status_code == 200
        assert reply.json() == {
            "what": "repayment_overdue",
            "what_display": "Repayment overdue",
            "is_subscribed": False,
        }
    assert NotificationPreference.objects.count() == 1
    after = preferences(user)
    assert after.pop("repayment_overdue") == {"in_app": True, "email": False}
    assert before.pop("repayment_overdue") == {"in_app": True, "email": True}
    assert after == before
    assert preferences(other)["repayment_overdue"]["email"] is True


def test_looking_at_the_link_stops_nothing(api):
    stop = Stop(UserFactory.create().pk, "note_reminder")
    with nothing_written():
        reply = api().get(address(stop))
    assert reply.status_code == 200
    assert reply.json() == {
        "what": "note_reminder",
        "what_display": "Note or reminder",
        "is_subscribed": True,
    }


def test_a_digest_is_stopped_and_the_other_one_goes_on(api):
    user = UserFactory.create()
    client = api(user)
    wanted = client.patch(
        "/api/users/notification-preferences/", {"daily_digest": True, "weekly_digest": True}
    )
    assert wanted.status_code == 200
    reply = api().post(address(Stop(user.pk, "daily_digest")), {})
    assert reply.status_code == 200
    assert reply.json()["is_subscribed"] is False
    assert list(DigestSubscription.objects.values_list("cadence", flat=True)) == ["weekly_digest"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=b",
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
    ],
)
def test_mail_programs_send_either_kind_of_form(api, content_type, body):
    """RFC 8058, 3.2."""
    user = UserFactory.create()
    reply = api().generic("POST", address(Stop(user.pk, "note_reminder")), body, content_type)
    assert (reply.status_code, reply.json()["is_subscribed"]) == (200, False)


@pytest.mark.parametrize("token", ["", "x", "WzEsInN5c3RlbSJd:1wXyz:forged"])
def test_a_link_that_was_not_signed_here_is_unknown(api, token):
    with nothing_written():
        for reply in (api().get(f"{ADDRESS}?token={token}"), api().post(f"{ADDRESS}?token={token}", {})):
            assert reply.status_code == 404
            assert reply.json()["code"] == "unsubscribe_link_unknown"


def test_a_link_of_a_type_that_there_is_not_any_more_is_unknown(api):
    stop = Stop(UserFactory.create().pk, "gossip")
    with nothing_written():
        assert api().get(address(stop)).status_code == 404
        assert api().post(address(stop), {}).status_code == 404


def test_a_link_of_an_account_that_is_gone_is_unknown(api):
    with nothing_written():
        reply = api().post(address(Stop(2**31 - 1, "note_reminder")), {})
    assert reply.status_code == 404
