"""From events to notifications, mail, alerts, and the sockets.

`project` runs in the dispatcher's transaction, `deliver` after it; see `events.dispatcher`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from celery import current_app
from django.db.models import F

from crm_backend.common.pushes import send_to_groups
from events.dispatcher import Projection, register
from events.models import Event
from events.registry import payload_class, render
from notifications.choices import ALWAYS_ON, AlertSource, MailKind, Priority
from notifications.models import (
    Notification,
    NotificationCounter,
    NotificationPreference,
    OutgoingMail,
)
from notifications.selectors import mail_readers, unread_counts
from notifications.serializers import notification_body
from notifications.services.alerts import alert_of_trouble
from notifications.tasks import SEND_MAIL_TASK
from users.models import User
from users.websocket import user_group

# Events about an account that also go out by mail.
MAILS = {
    "user.password_reset_requested": MailKind.PASSWORD_RESET,
    "user.approved": MailKind.ACCOUNT_APPROVED,
    "user.email_changed": MailKind.EMAIL_CHANGED,
}
# Events that may end sockets of their subject, a user: sockets look at their token again.
ENDING = {
    "user.updated",  # a new role ends the tokens of the old one; so does an address that others change
    "user.suspended",
    "user.logged_out",
    "user.logged_out_everywhere",
    "user.password_changed",
    "user.refresh_token_reused",
}
QUIET = {"notification.read", "notification.deleted"}


# --- step 1: rows -------------------------------------------------------------------------------


def make_notifications(events: Sequence[Event]) -> None:
    """One notification per event and recipient who wants to know, numbered per user without gaps."""
    wanted = _wanted(events)
    if not wanted:
        return
    seqs = _take_numbers(wanted)
    Notification.objects.bulk_create(
        [
            _notification(event, user_id, seq=seqs[user_id].pop(0))
            for event in events
            for user_id in wanted.get(event.pk, [])
        ]
    )


def _wanted(events: Sequence[Event]) -> dict[int, list[int]]:
    """Event id → ids of the active recipients who have not turned its type off."""
    asked = {event.pk: event.recipients for event in events if event.recipients and _notify(event)}
    everyone = {user_id for ids in asked.values() for user_id in ids}
    active = set(User.objects.active().filter(pk__in=everyone).values_list("pk", flat=True))
    declined = set(
        NotificationPreference.objects.filter(user__in=active, in_app=False)
        .exclude(notification_type__in=ALWAYS_ON)
        .values_list("user_id", "notification_type")
    )
    kinds = {event.pk: notify.kind for event in events if (notify := _notify(event))}
    return {
        pk: [user_id for user_id in ids if user_id in active and (user_id, kinds[pk]) not in declined]
        for pk, ids in asked.items()
    }


def _take_numbers(wanted: dict[int, list[int]]) -> dict[int, list[int]]:
    """Reserve numbers: the counters' row locks are held to the commit, so no number is lost or twice."""
    needed: dict[int, int] = defaultdict(int)
    for ids in wanted.values():
        for user_id in ids:
            needed[user_id] += 1
    users = sorted(needed)  # always in this order, so that two dispatchers never deadlock
    NotificationCounter.objects.bulk_create(
        [NotificationCounter(user_id=pk) for pk in users], ignore_conflicts=True
    )
    counters = NotificationCounter.objects.filter(pk__in=users).order_by("pk").select_for_update()
    numbers = {}
    by_need: dict[int, list[int]] = defaultdict(list)
    for counter in counters:
        need = needed[counter.pk]
        numbers[counter.pk] = list(range(counter.last_seq + 1, counter.last_seq + need + 1))
        by_need[need].append(counter.pk)
    # Mostly one statement: a value for each of many rows would be a long one, and slow.
    for need, pks in by_need.items():
        NotificationCounter.objects.filter(pk__in=pks).update(last_seq=F("last_seq") + need)
    return numbers


def _notification(event: Event, user_id: int, *, seq: int) -> Notification:
    notify = _notify(event)
    assert notify is not None
    return Notification(
        user_id=user_id,
        seq=seq,
        event=event,
        notification_type=notify.kind,
        title=render(notify.title, event.data)[:200],
        body=render(notify.body, event.data),
        application_id=event.application_id,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        created_at=event.occurred_at,
    )


def _notify(event: Event) -> Any:
    return payload_class(event.type).notify


def owe_mails(events: Sequence[Event]) -> None:
    """Note the mails that events call for: one for each event and user, whatever calls for it."""
    # Account mail first: of an event that has one, its subject gets no other.
    owed = [*_account_mails(events), *_notification_mails(events)]
    OutgoingMail.objects.bulk_create(owed, ignore_conflicts=True)


def _account_mails(events: Sequence[Event]) -> list[OutgoingMail]:
    """About the account itself; one that is gone gets none."""
    wanted = [event for event in events if event.type in MAILS]
    subjects = User.objects.get_queryset().filter(pk__in=[event.subject_id for event in wanted])
    known = set(subjects.values_list("pk", flat=True))
    return [
        OutgoingMail(event=event, user_id=event.subject_id, kind=MAILS[event.type])
        for event in wanted
        if event.subject_id in known
    ]


def _notification_mails(events: Sequence[Event]) -> list[OutgoingMail]:
    """To the active recipients who want such notifications by mail."""
    kinds = {
        event.pk: notify.kind
        for event in events
        if event.recipients and (notify := _notify(event)) and not notify.no_mail
    }
    asked = [event for event in events if event.pk in kinds]
    everyone = {user_id for event in asked for user_id in event.recipients}
    active = User.objects.active().filter(pk__in=everyone).values_list("pk", flat=True) if everyone else ()
    readers = mail_readers(list(active), set(kinds.values())) if everyone else set()
    return [
        OutgoingMail(event=event, user_id=user_id, kind=MailKind.NOTIFICATION)
        for event in asked
        for user_id in event.recipients
        if (user_id, kinds[event.pk]) in readers
    ]


def raise_alerts(events: Sequence[Event]) -> None:
    """Alert the administrators of what failed for good, or must not stay unseen."""
    for event in events:
        if event.type == "job.finished" and event.data["status"] == "failed":
            alert_of_trouble(
                source=AlertSource.JOB,
                key=f"job:{event.subject_id}",
                priority=Priority.MEDIUM,
                title=f"{event.data['label']} failed",
                body=f"Job {event.subject_id}: {event.data['message']}",
            )
        if event.type == "document.quarantined":
            data = event.data
            alert_of_trouble(
                source=AlertSource.DOCUMENT,
                key=f"document:{data['document_id']}:{data['number']}",
                priority=Priority.HIGH,
                title=f"A file on {data['reference']} is quarantined",
                body=f"Version {data['number']} of {data['title']}: {data['finding']}",
            )


# --- step 2: the outside --------------------------------------------------------------------------


def push_to_sockets(events: Sequence[Event]) -> None:
    """Tell the sockets of everyone concerned. A repeat does no harm: receivers know the last `seq`."""
    messages: list[tuple[int, dict[str, Any]]] = []
    counted: set[int] = set()
    rows = Notification.objects.filter(event__in=[event.pk for event in events]).select_related("event")
    for row in rows.order_by("user_id", "seq"):
        messages.append((row.user_id, _pushed(row)))
        counted.add(row.user_id)
    for event in events:
        if event.type in QUIET:
            if ids := event.data.get("ids"):
                messages.append((event.subject_id, {"type": "notifications.read", "ids": ids}))
            counted.add(event.subject_id)
        if event.type in ENDING:
            session_id = event.data.get("session_id")
            messages.append((event.subject_id, {"type": "auth.revoked", "session_id": session_id}))
    messages += [
        (user_id, {"type": "unread.count", "count": count})
        for user_id, count in unread_counts(counted).items()
    ]
    if messages:
        _send_all(messages)


def _pushed(row: Notification) -> dict[str, Any]:
    return {"type": "notification.new", "seq": row.seq, "notification": notification_body(row)}


def _send_all(messages: Iterable[tuple[int, dict[str, Any]]]) -> None:
    send_to_groups([(user_group(user_id), message) for user_id, message in messages])


def queue_mails(events: Sequence[Event]) -> None:
    """Wake the mailer; a sweep finds what a crash left."""
    if OutgoingMail.objects.filter(event__in=[event.pk for event in events]).exists():
        current_app.send_task(SEND_MAIL_TASK)


register(Projection("notifications", project=make_notifications, deliver=push_to_sockets))
register(Projection("mail", project=owe_mails, deliver=queue_mails))
register(Projection("alerts", project=raise_alerts))
