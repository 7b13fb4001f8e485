"""Statements of account: what was owed, and all that changed it, in the order of value dates."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from applications.models import Application
from servicing.allocation import ZERO
from servicing.choices import OWED
from servicing.dates import business_date
from servicing.models import JournalEntry, JournalLine


def statement(application: Application, *, start: date | None, end: date | None) -> dict[str, Any]:
    """The statement of a period, both days included, without entries that change nothing of what is owed.

    Entries are in the order of their value dates, so a running balance here may differ from the ledger's own,
    which is in the order of writing.
    """
    entries = JournalEntry.objects.filter(application=application)
    end = end or business_date()
    first = entries.order_by("entry_date").values_list("entry_date", flat=True).first()
    start = start or min(first or end, end)
    before = JournalLine.objects.filter(
        entry__application=application, account__in=OWED, entry__entry_date__lt=start
    ).aggregate(owed=Sum("amount"))["owed"]
    opening: Decimal = before or ZERO
    balance, lines = opening, []
    within = entries.filter(entry_date__range=(start, end)).annotate(
        owed=Sum("lines__amount", filter=Q(lines__account__in=OWED))
    )
    for entry in within.order_by("entry_date", "id"):
        if not entry.owed:
            continue
        balance += entry.owed
        lines.append(
            {
                "date": entry.entry_date,
                "entry": entry.pk,
                "entry_type": entry.entry_type,
                "description": entry.description,
                "debit": max(entry.owed, ZERO),
                "credit": max(-entry.owed, ZERO),
                "balance": balance,
            }
        )
    return {
        "reference_number": application.reference_number,
        "start": start,
        "end": end,
        "opening_balance": opening,
        "total_debits": sum((line["debit"] for line in lines), ZERO),
        "total_credits": sum((line["credit"] for line in lines), ZERO),
        "closing_balance": balance,
        "lines": lines,
    }
