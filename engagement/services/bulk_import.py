"""Leads of a list that somebody brings along."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from engagement.choices import AssignMethod
from engagement.models import Lead
from engagement.services.assignment import lead_assign
from engagement.services.leads import lead_enter
from users.models import User


@dataclass(frozen=True)
class Imported:
    """The lead that was made, if it was, and the id of the open lead that it is like."""

    lead: Lead | None
    duplicate_of: int | None = None


def lead_import(
    *, actor: Any, keeps: bool, method: str = "", assignee: User | None = None, **fields: Any
) -> Imported:
    """Enter a lead and give it to somebody, or nothing of it.

    Args:
        actor: who imports.
        keeps: whether whoever is an open lead already becomes another one.
        method: how the person for it is found, where `assignee` is not given; empty for nobody.
        assignee: whose it is to be.
        fields: what is known of it.

    Raises:
        InvalidInput: see `lead_enter` and `lead_assign`.
        NobodyAtWork: the branch has no BDM at work.
    """
    with transaction.atomic():
        lead, known = lead_enter(actor=actor, keeps=keeps, **fields)
        if lead is None:
            return Imported(None, known)
        if assignee is not None:
            lead_assign(lead=lead, actor=actor, assignee=assignee)
        elif method:
            lead_assign(lead=lead, actor=actor, method=AssignMethod(method))
        return Imported(lead, known)
