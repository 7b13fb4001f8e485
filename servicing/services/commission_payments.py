"""Paying brokers."""

from datetime import date
from typing import Any

from django.db import transaction

from crm_backend.common.errors import Conflict, InvalidInput
from servicing.choices import Account, CommissionStatus, EntryType
from servicing.events import CommissionPaid
from servicing.models import Commission
from servicing.services.books import open_books
from servicing.services.store import Told


def commission_mark_paid(
    *, commission: Commission, actor: Any, paid_on: date | None = None, reference: str = ""
) -> Commission:
    """Say that a commission was paid to the broker and the branch, or that a clawback came back from them.

    Raises:
        Conflict: it is paid already.
        InvalidInput: `paid_on` lies before it was accrued.
    """
    with transaction.atomic():
        books = open_books(commission.application, actor=actor)
        commission = Commission.objects.get(pk=commission.pk)
        on = paid_on or books.today
        if commission.status == CommissionStatus.PAID:
            raise Conflict("This commission is paid already.")
        if on < commission.accrued_on:
            raise InvalidInput.field("paid_on", "It was accrued later.")
        commission.paid_entry = books.post(
            EntryType.COMMISSION_PAID,
            on,
            {Account.COMMISSION_PAYABLE: commission.amount, Account.CASH: -commission.amount},
            reference or f"{commission.get_kind_display()} commission",
        )
        commission.status, commission.paid_on = CommissionStatus.PAID, on
        commission.reference, commission.paid_by = reference, actor
        books.store.change([commission], ("status", "paid_on", "reference", "paid_by", "paid_entry"))
        payload = CommissionPaid(
            reference=books.application.reference_number,
            commission_id=commission.pk,
            kind=commission.kind,
            kind_display=commission.get_kind_display(),
            amount=str(commission.amount),
            broker_amount=str(commission.broker_amount),
            branch_amount=str(commission.branch_amount),
            paid_on=on.isoformat(),
        )
        books.tell(payload, commission, Told.BROKER)
    return commission
