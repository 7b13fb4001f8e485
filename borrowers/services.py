"""Writes on parties that have two callers."""

from typing import Any

from borrowers.choices import PartyType
from borrowers.events import BORROWER
from borrowers.models import Borrower
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
