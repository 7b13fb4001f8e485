"""Every event type: a payload, who is told and what they read, or why nobody is; and that they are told.

A new event type fails here until it says so. Say it where the type is declared, in the app's `events.py`, and
add a flow to `tests/notifications/flows.py`.
"""

import pytest

from events.models import Event
from events.registry import REGISTRY, Payload
from notifications.choices import MAILED, MailKind, NotificationType
from notifications.models import Notification, OutgoingMail
from tests.notifications.flows import FLOWS, Scene

TELLING = sorted(name for name, payload in REGISTRY.items() if payload.notify)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_it_says_who_is_told_or_why_nobody_is(name):
    payload = REGISTRY[name]
    assert issubclass(payload, Payload)
    assert payload.model_json_schema()["additionalProperties"] is False
    if payload.notify is None:
        assert payload.silent, (
            f"{payload.__module__}.{payload.__name__} tells nobody and does not say why: give it "
            '`silent = "<why nobody is told>"`, or `notify = Notify(…)` with recipients in `emit`.'
        )
        return
    assert payload.notify.to, (
        f"{payload.__module__}.{payload.__name__} does not say who is told: give its `Notify(…)` "
        '`to="<who the recipients are>"`, as the service that emits it chooses them.'
    )
    assert payload.notify.title
    assert payload.notify.body
    assert payload.notify.kind in NotificationType.values
    assert not payload.silent, f"{name} tells somebody, and says why nobody is told"


def test_every_flow_is_of_a_type_that_tells_somebody():
    assert sorted(FLOWS) == sorted(set(FLOWS) & set(TELLING)), "flows of types that tell nobody"


@pytest.mark.django_db
@pytest.mark.parametrize("name", TELLING)
def test_a_real_flow_delivers_it_to_its_recipients(name, world, dispatch):
    assert name in FLOWS, (
        f"nothing shows that {name} reaches anybody: add `@flow({name!r})` to tests/notifications/flows.py, "
        "a function that makes it happen as people do and returns the users who are to be told."
    )
    expected = {user.pk for user in FLOWS[name](Scene(world))}
    dispatch()
    told = Notification.objects.filter(event__type=name)
    assert set(told.values_list("user", flat=True)) == expected, f"not those whom {name} should reach"
    assert expected, f"{name} reached nobody"
    notify = REGISTRY[name].notify
    for row in told.select_related("event"):
        assert row.notification_type == notify.kind
        assert row.title == notify.title.format_map(row.event.data)
        assert row.body == notify.body.format_map(row.event.data)
        assert row.title.strip()
        assert row.body.strip()
    events = Event.objects.filter(type=name)
    mailed = OutgoingMail.objects.filter(event__in=events, kind=MailKind.NOTIFICATION)
    account = OutgoingMail.objects.filter(event__in=events).exclude(kind=MailKind.NOTIFICATION)
    by_mail = expected if notify.kind in MAILED and not notify.no_mail else set()
    assert set(mailed.values_list("user", flat=True)) == by_mail - set(account.values_list("user", flat=True))
