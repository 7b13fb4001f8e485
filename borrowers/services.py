"""Writes on parties that have two callers, and on what borrowers own and owe."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from borrowers.choices import PartyType
from borrowers.events import BORROWER, HoldingChanged
from borrowers.models import Borrower, Holding
from events.services import emit


def own_profile(user: Any) -> Borrower:
    """The profile of a client, made from their account when they have none yet.

    Call it in the transaction of the application that needs it. The account's row is locked, so that two
    first applications at once do not make two profiles.
    """
    type(user).objects.select_for_update().get(pk=user.pk)
    profile = Borrower.objects.filter(user=user, borrower_type=PartyType.INDIVIDUAL).order_by("pk").first()
    if profile is None:
        profile = Borrower.objects.create(
            user=user,
            created_by=user,
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            phone=user.phone,
        )
        emit(BORROWER.created(label=str(profile)), actor=user, subject=profile)
    return profile


def holding_add(*, model: type[Holding], borrower: Borrower, actor: Any, **fields: Any) -> Holding:
    """Add an asset or a liability to a borrower."""
    with transaction.atomic():
        holding: Holding = model._default_manager.create(borrower=borrower, **fields)
        _tell(holding, "added", actor, fields)
    return holding


def holding_update(*, holding: Holding, actor: Any, **fields: Any) -> None:
    """Edit it; unchanged values change nothing and tell nobody."""
    changed = {name: value for name, value in fields.items() if getattr(holding, name) != value}
    if not changed:
        return
    with transaction.atomic():
        for name, value in changed.items():
            setattr(holding, name, value)
        holding.save(update_fields=[*changed, "updated_at"])
        _tell(holding, "changed", actor, changed)


def holding_remove(*, holding: Holding, actor: Any) -> None:
    """Remove it."""
    with transaction.atomic():
        _tell(holding, "removed", actor)
        holding.delete()


def holding_changed(holding: Holding, what: str, fields: Iterable[str] = ()) -> HoldingChanged:
    """The event of a change. It is the borrower's, in whose timeline it stays when the row has gone."""
    return HoldingChanged(
        kind=str(holding._meta.verbose_name).capitalize(),
        holding_id=holding.pk,
        what=what,
        field_names=", ".join(sorted(fields)),
    )


def _tell(holding: Holding, what: str, actor: Any, fields: Iterable[str] = ()) -> None:
    emit(holding_changed(holding, what, fields), actor=actor, subject=holding.borrower)
