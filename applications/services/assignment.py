"""Who is responsible for an application."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction

from applications.events import ApplicationAssigned
from applications.models import Application
from crm_backend.common.errors import InvalidInput
from events.services import emit
from users.models import User

# By field, what people call it.
RESPONSIBLE = {"broker": "broker", "bd": "BDM", "branch": "branch"}


def application_assign(*, application: Application, actor: Any, **people: Any) -> Application:
    """Give an application to another broker, BDM or branch, or to none; call it with the row locked.

    With a new BDM goes their branch, unless one is named. Old and new broker and BDM and the administrators
    are told. What is not named stays; unchanged values change nothing and tell nobody.

    Raises:
        InvalidInput: by field: somebody who does not work any more, or a branch that is closed.
    """
    bdm = people.get("bd")
    if bdm is not None and bdm.pk != application.bd_id:
        people.setdefault("branch", bdm.branch)
    changed = {name: row for name, row in people.items() if getattr(application, f"{name}_id") != _pk(row)}
    check_at_work(changed)
    if changed:
        before = {name: getattr(application, name) for name in changed}
        with transaction.atomic():
            for name, row in changed.items():
                setattr(application, name, row)
            application.save(update_fields=[*changed, "updated_at"])
            emit(
                ApplicationAssigned(
                    reference=application.reference_number,
                    changes="; ".join(_changes(before, changed)),
                ),
                actor=actor,
                subject=application,
                application_id=application.pk,
                recipients=_concerned(before, changed),
            )
    return application


def check_at_work(people: Mapping[str, Any]) -> None:
    """Refuse brokers, BDMs and branches that take no applications any more.

    Raises:
        InvalidInput: by field.
    """
    gone = {name: [_refusal(name)] for name, row in people.items() if row is not None and not row.is_at_work}
    if gone:
        raise InvalidInput(errors=gone)


def _pk(row: Any) -> Any:
    return None if row is None else row.pk


def _refusal(name: str) -> str:
    return (
        "This branch is closed." if name == "branch" else f"This {RESPONSIBLE[name]} is not at work any more."
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name, row in after.items():
        yield f"{RESPONSIBLE[name]} {before[name] or 'nobody'} → {row or 'nobody'}"


def _concerned(before: dict[str, Any], after: dict[str, Any]) -> set[int]:
    """Active users of both sides of each change, and the administrators."""
    rows = [*before.values(), *after.values()]
    logins = {getattr(row, "user_id", None) for row in rows if row is not None} - {None}
    active = User.objects.active()
    people = active.filter(pk__in=logins) | active.filter(pk__in=User.objects.admins())
    return set(people.values_list("pk", flat=True))
