"""What secures an application."""

from typing import Any

from django.db import transaction

from applications.events import SecurityChanged
from applications.models import Application, Security
from applications.services.approval import check_still_approved
from events.services import emit


def security_add(*, application: Application, actor: Any, **fields: Any) -> Security:
    """Add a security; call it with the application locked, so that it cannot be submitted meanwhile."""
    with transaction.atomic():
        security = Security.objects.create(application=application, **fields)
        _tell(security, "added", actor)
    return security


def security_update(*, security: Security, actor: Any, **fields: Any) -> Security:
    """Edit a security; unchanged values change nothing and tell nobody.

    Raises:
        Conflict: the application is approved, and would not have been like this.
    """
    changed = sorted(name for name, value in fields.items() if getattr(security, name) != value)
    if changed:
        for name in changed:
            setattr(security, name, fields[name])
        with transaction.atomic():
            security.save(update_fields=[*changed, "updated_at"])
            check_still_approved(security.application)
            _tell(security, "changed", actor)
    return security


def security_remove(*, security: Security, actor: Any) -> None:
    """Remove a security.

    Raises:
        Conflict: the application is approved, and would not have been like this.
    """
    with transaction.atomic():
        _tell(security, "removed", actor)
        security.delete()
        check_still_approved(security.application)


def _tell(security: Security, what: str, actor: Any) -> None:
    emit(
        SecurityChanged(
            reference=security.application.reference_number,
            security_id=security.pk,
            security=str(security),
            what=what,
        ),
        actor=actor,
        subject=security.application,
        application_id=security.application_id,
    )
