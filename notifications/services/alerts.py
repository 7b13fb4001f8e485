"""Raising alerts, by people and by the system, and seeing to them."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from crm_backend.common.errors import Conflict
from crm_backend.common.models import save_changes
from events.services import emit
from notifications.choices import AlertSource, AlertStatus, Priority
from notifications.events import (
    AlertAcknowledged,
    AlertAssigned,
    AlertDeleted,
    AlertRaised,
    AlertResolved,
    AlertUpdated,
)
from notifications.models import Alert
from users.models import User


class AlertOver(Conflict):
    """The alert is resolved, or acknowledged already."""

    code = "alert_over"
    title = "The alert is past this"


def alert_raise(*, actor: Any, **fields: Any) -> Alert:
    """Raise an alert by hand, and tell whoever is to see to it, or else the administrators."""
    with transaction.atomic():
        alert = Alert.objects.create(created_by=actor, last_seen_at=timezone.now(), **fields)
        _tell_raised(alert, actor)
    return alert


def alert_of_trouble(
    *, source: AlertSource, key: str, priority: Priority, title: str, body: str
) -> Alert | None:
    """Raise an alert by the system; call it in the transaction that noticed the trouble.

    While an alert of the same key is not resolved there is no other: it is counted, and nobody is told
    again. So trouble that repeats does not flood, above all not when what fails is the telling. `key` says
    what it is about, the same for the same trouble.
    """
    now = timezone.now()
    again = {"occurrences": F("occurrences") + 1, "last_seen_at": now}
    known = Alert.objects.filter(key=key).exclude(status=AlertStatus.RESOLVED)
    if known.update(**again):
        return None
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                source=source,
                key=key,
                priority=priority,
                title=title[:200],
                body=body[:4000],
                last_seen_at=now,
            )
    except IntegrityError:  # another process noticed it at the same moment
        known.update(**again)
        return None
    _tell_raised(alert, None)
    return alert


def _tell_raised(alert: Alert, actor: Any) -> None:
    payload = AlertRaised(
        title=alert.title,
        text=alert.body or alert.title,
        priority=alert.priority,
        priority_display=alert.get_priority_display(),
    )
    told = [alert.assigned_to] if alert.assigned_to else User.objects.get_queryset().admins()
    emit(payload, actor=actor, subject=alert, recipients=told)


def alert_update(*, alert: Alert, actor: Any, **fields: Any) -> Alert:
    """Edit an alert; call it with the row locked.

    Raises:
        AlertOver: it is resolved.
    """
    _refuse(alert, AlertStatus.RESOLVED)
    before = alert.assigned_to_id
    with transaction.atomic():
        if changed := save_changes(alert, fields):
            names = ", ".join(changed)
            emit(AlertUpdated(title=alert.title, field_names=names), actor=actor, subject=alert)
            if alert.assigned_to is not None and alert.assigned_to_id != before:
                assigned = AlertAssigned(
                    title=alert.title,
                    text=alert.body or alert.title,
                    assignee_name=alert.assigned_to.full_name,
                )
                emit(assigned, actor=actor, subject=alert, recipients=[alert.assigned_to])
    return alert


def alert_acknowledge(*, alert: Alert, actor: Any) -> Alert:
    """Say that one sees to it; call it with the row locked.

    Raises:
        AlertOver: somebody did, or it is resolved.
    """
    _refuse(alert, AlertStatus.ACKNOWLEDGED, AlertStatus.RESOLVED)
    now = timezone.now()
    with transaction.atomic():
        fields = {"status": AlertStatus.ACKNOWLEDGED, "acknowledged_by": actor, "acknowledged_at": now}
        save_changes(alert, fields)
        emit(AlertAcknowledged(title=alert.title), actor=actor, subject=alert)
    return alert


def alert_resolve(*, alert: Alert, actor: Any, resolution: str = "") -> Alert:
    """Say that it is mended; call it with the row locked.

    Raises:
        AlertOver: it is resolved already.
    """
    _refuse(alert, AlertStatus.RESOLVED)
    fields = {
        "status": AlertStatus.RESOLVED,
        "resolved_by": actor,
        "resolved_at": timezone.now(),
        "resolution": resolution,
    }
    with transaction.atomic():
        save_changes(alert, fields)
        payload = AlertResolved(title=alert.title, resolution=resolution, actor_name=actor.full_name)
        told = User.objects.active().filter(pk__in=[alert.created_by_id or 0, alert.assigned_to_id or 0])
        emit(payload, actor=actor, subject=alert, recipients=told)
    return alert


def alert_delete(*, alert: Alert, actor: Any) -> None:
    """Delete an alert; call it with the row locked."""
    with transaction.atomic():
        emit(AlertDeleted(title=alert.title), actor=actor, subject=alert)
        alert.delete()


def _refuse(alert: Alert, *statuses: AlertStatus) -> None:
    if alert.status in statuses:
        raise AlertOver(f"This alert is {alert.get_status_display().lower()} already.")
