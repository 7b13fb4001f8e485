"""Paying brokers and referral partners."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.models import Application
from crm_backend.common.errors import InvalidInput
from servicing.choices import Account, CommissionStatus, EntryType
from servicing.dates import business_date
from servicing.events import CommissionPaid, ReferralCommissionPaid
from servicing.models import AccountBalance, Commission
from servicing.selectors.facts import Facts
from servicing.services.errors import PaidAlready
from servicing.services.ledger import OpenLedger
from servicing.services.store import Database, Told


def commission_mark_paid(
    *, commission: Commission, actor: Any, paid_on: date | None = None, reference: str = ""
) -> Commission:
    """Say that a commission was paid to whom it is for, or that a clawback came back from them.

    Raises:
        PaidAlready: it is.
        InvalidInput: `paid_on` lies before it was accrued.
    """
    [paid] = commissions_mark_paid(
        commissions=[commission], actor=actor, paid_on=paid_on, reference=reference
    )
    return paid


def commissions_mark_paid(
    *, commissions: Sequence[Commission], actor: Any, paid_on: date | None = None, reference: str = ""
) -> list[Commission]:
    """Say so of all of them, or of none; clawbacks among them are taken off what is paid.

    Raises:
        PaidAlready: one is; it names those.
        InvalidInput: `paid_on` lies before one was accrued.
    """
    on = paid_on or business_date()
    with transaction.atomic():
        concerned = {commission.application_id for commission in commissions}
        applications = Application.objects.lock().filter(pk__in=concerned)
        ledgers = _open(list(applications), actor)
        chosen = Commission.objects.filter(pk__in=[row.pk for row in commissions])
        rows = list(chosen.select_related("partnership").order_by("pk"))
        if paid := [row.pk for row in rows if row.status == CommissionStatus.PAID]:
            raise PaidAlready(extra={"commissions": paid})
        if (last := max(row.accrued_on for row in rows)) > on:
            raise InvalidInput.field("paid_on", f"It was accrued later: on {last}.")
        for row in rows:
            _pay(ledgers[row.application_id], row, on, reference)
    return rows


def _open(applications: Sequence[Application], actor: Any) -> dict[int, OpenLedger]:
    """What an entry needs of the ledger of each: its balances."""
    balances: defaultdict[int, dict[str, Decimal]] = defaultdict(dict)
    for row in AccountBalance.objects.filter(application__in=applications):
        balances[row.application_id][row.account] = row.balance
    return {
        application.pk: OpenLedger(
            Facts(application),
            Database(),
            actor=actor,
            today=business_date(),
            balances=balances[application.pk],
        )
        for application in applications
    }


def _pay(ledger: OpenLedger, commission: Commission, on: date, reference: str) -> None:
    commission.paid_entry = ledger.post(
        EntryType.COMMISSION_PAID,
        on,
        {Account.COMMISSION_PAYABLE: commission.amount, Account.CASH: -commission.amount},
        reference or f"{commission.get_kind_display()} commission",
    )
    commission.status, commission.paid_on = CommissionStatus.PAID, on
    commission.reference, commission.paid_by = reference, ledger.actor
    ledger.store.change([commission], ("status", "paid_on", "reference", "paid_by", "paid_entry"))
    told: dict[str, Any] = {
        "reference": ledger.application.reference_number,
        "commission_id": commission.pk,
        "kind": commission.kind,
        "kind_display": commission.get_kind_display(),
        "amount": str(commission.amount),
        "paid_on": on.isoformat(),
    }
    if commission.partnership is not None:
        payload = ReferralCommissionPaid(partner=str(commission.partnership), **told)
        ledger.tell(payload, commission, Told.OWNER)
        return
    parts = {name: str(getattr(commission, name)) for name in ("broker_amount", "branch_amount")}
    ledger.tell(CommissionPaid(**parts, **told), commission, Told.BROKER)
