"""What a broker earns by a loan: accrued at settlement and by the month, clawed back when it ends early.

What a referral partner earns is accrued by `services.referrals`, and clawed back here like a broker's.

Like all ledger these follow facts. `follow_end` asks what is to be clawed back of a loan as it stands, and
writes the difference to what has been: a payment that bounces and opens the loan again takes it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from servicing import commissions as rules
from servicing.allocation import ZERO
from servicing.choices import Account, ClawbackMethod, CommissionKind, EntryType, LoanStatus
from servicing.events import (
    CommissionAccrued,
    CommissionClawedBack,
    ReferralCommissionAccrued,
    ReferralCommissionClawedBack,
)
from servicing.models import Commission, CommissionTerms, LoanCommission, PartnershipTerms
from servicing.months import first_of, last_of, next_month
from servicing.services.ledger import OpenLedger
from servicing.services.store import Told

# What a loan keeps of the terms on offer.
RULES = (
    "upfront_rate",
    "trail_rate",
    "branch_share",
    "clawback_months",
    "clawback_percentage",
    "clawback_method",
)


@dataclass
class Agreed:
    """The terms of a payee of a loan, and what has come of them beside trails; `clawed_back` is positive."""

    terms: LoanCommission | PartnershipTerms
    upfront: Decimal = ZERO
    clawed_back: Decimal = ZERO


def read_agreed(ledger: OpenLedger) -> list[Agreed]:
    """What is kept of a loan's commissions: of its broker and of who referred it, as far as there is any."""
    application = ledger.application
    broker = ledger.commission or LoanCommission.objects.filter(application=application).first()
    if ledger.commissions is None:
        rows = Commission.objects.filter(application=application).exclude(kind=CommissionKind.TRAIL)
        ledger.commissions = list(rows.select_related("partner_terms__partnership").order_by("pk"))
    found = (
        [_agreed(broker, [row for row in ledger.commissions if row.partner_terms is None])] if broker else []
    )
    referred = [row for row in ledger.commissions if row.partner_terms is not None]
    if referred and referred[0].partner_terms is not None:
        found.append(_agreed(referred[0].partner_terms, referred))
    return found


def _agreed(terms: LoanCommission | PartnershipTerms, rows: Sequence[Commission]) -> Agreed:
    agreed = Agreed(terms)
    for row in rows:
        if row.kind == CommissionKind.UPFRONT:
            agreed.upfront += row.amount
        else:
            agreed.clawed_back -= row.amount
    return agreed


def agree(ledger: OpenLedger, offer: CommissionTerms, *, principal: Decimal, on: date) -> LoanCommission:
    """Keep the terms with a loan that is settled, and accrue the upfront commission."""
    broker, now = ledger.application.broker, ledger.store.now()
    assert broker is not None
    terms = LoanCommission(
        application=ledger.application,
        broker=broker,
        branch_id=broker.branch_id,
        trail_from=first_of(on) if offer.trail_rate else None,
        created_at=now,
        updated_at=now,
        **{name: getattr(offer, name) for name in RULES},
    )
    ledger.store.add([terms])
    ledger.commission = terms
    ledger.commissions = ledger.commissions or []
    amount = rules.percent_of(principal, terms.upfront_rate)
    _accrue(ledger, terms, CommissionKind.UPFRONT, on, amount, base=principal, rate=terms.upfront_rate)
    return terms


def accrue_trail(ledger: OpenLedger, terms: LoanCommission, until: date) -> int:
    """Accrue the trail of each month that ended before a day and has not been worked out; how many."""
    accrued, ledger.commission = 0, terms
    while terms.trail_from is not None and last_of(terms.trail_from) < until:
        month, last = terms.trail_from, last_of(terms.trail_from)
        base = ledger.principal_on(last)
        amount = rules.trail_of(base, terms.trail_rate, month, ledger.loan.settled_on)
        if _accrue(
            ledger, terms, CommissionKind.TRAIL, last, amount, base=base, rate=terms.trail_rate, month=month
        ):
            accrued += 1
        ledger.set(terms, trail_from=next_month(month))
    return accrued


def follow_end(ledger: OpenLedger) -> None:
    """Claw back what is to be clawed back of a loan as it stands, when it has ended or had ended."""
    for agreed in read_agreed(ledger):
        _follow_end(ledger, agreed)


def _follow_end(ledger: OpenLedger, agreed: Agreed) -> None:
    loan, terms = ledger.loan, agreed.terms
    wanted = ZERO
    if loan.status != LoanStatus.ACTIVE:
        assert loan.closed_on is not None
        if isinstance(terms, LoanCommission):
            accrue_trail(ledger, terms, loan.closed_on)
        wanted = rules.clawback_of(
            agreed.upfront,
            terms.clawback_percentage,
            settled_on=loan.settled_on,
            months=terms.clawback_months,
            ended_on=loan.closed_on,
            pro_rata=terms.clawback_method == ClawbackMethod.PRO_RATA,
        )
    if difference := wanted - agreed.clawed_back:
        branch_amount = ZERO
        if isinstance(terms, LoanCommission):
            before = rules.percent_of(agreed.clawed_back, terms.branch_share)
            branch_amount = before - rules.percent_of(wanted, terms.branch_share)
        write_commission(
            ledger,
            terms,
            CommissionKind.CLAWBACK if difference > 0 else CommissionKind.CLAWBACK_REVERSED,
            ledger.today,
            -difference,
            branch_amount,
            base=agreed.upfront,
            rate=terms.clawback_percentage,
        )


def _accrue(
    ledger: OpenLedger, terms: LoanCommission, kind: CommissionKind, on: date, amount: Decimal, **fields: Any
) -> Commission | None:
    """Write a commission and share it; none of nothing."""
    if not amount:
        return None
    share = rules.percent_of(amount, terms.branch_share)
    return write_commission(ledger, terms, kind, on, amount, share, **fields)


def write_commission(
    ledger: OpenLedger,
    terms: LoanCommission | PartnershipTerms,
    kind: CommissionKind,
    on: date,
    amount: Decimal,
    branch_amount: Decimal = ZERO,
    **fields: Any,
) -> Commission:
    """Write a commission with its entry, and tell of it. What is not the branch's is the payee's."""
    clawback = kind == CommissionKind.CLAWBACK
    of_partner = isinstance(terms, PartnershipTerms)
    words = f"{kind.label} commission" + (" of the referral partner" if of_partner else "")
    entry = ledger.post(
        EntryType.COMMISSION_CLAWED_BACK if clawback else EntryType.COMMISSION_ACCRUED,
        on,
        {Account.COMMISSION_EXPENSE: amount, Account.COMMISSION_PAYABLE: -amount},
        words + (f" of {fields['month']:%B %Y}" if fields.get("month") else ""),
    )
    row = Commission(
        application=ledger.application,
        kind=kind,
        accrued_on=on,
        amount=amount,
        branch_amount=branch_amount,
        entry=entry,
        created_at=ledger.store.now(),
        **fields,
    )
    if isinstance(terms, PartnershipTerms):
        row.partnership, row.partner_terms = terms.partnership, terms
        row.branch_id = terms.partnership.branch_id
        row.partner_amount, row.broker_amount = amount, ZERO
    else:
        row.broker_id, row.branch_id = terms.broker_id, terms.branch_id
        row.broker_amount = amount - branch_amount
    ledger.store.add([row])
    if ledger.commissions is not None and kind != CommissionKind.TRAIL:
        ledger.commissions.append(row)
    _tell(ledger, row)
    return row


def _tell(ledger: OpenLedger, row: Commission) -> None:
    kind = CommissionKind(row.kind)
    told: dict[str, Any] = {
        "reference": ledger.application.reference_number,
        "commission_id": row.pk,
        "amount": str(abs(row.amount)),
        "accrued_on": row.accrued_on.isoformat(),
    }
    if row.partnership is not None:
        told["partner"] = str(row.partnership)
        if kind == CommissionKind.CLAWBACK:
            ledger.tell(ReferralCommissionClawedBack(**told), row, Told.OWNER_AND_ADMINS)
        else:
            payload = ReferralCommissionAccrued(kind=kind, kind_display=kind.label, **told)
            ledger.tell(payload, row, Told.OWNER)
        return
    told |= {"broker_amount": str(abs(row.broker_amount)), "branch_amount": str(abs(row.branch_amount))}
    if kind == CommissionKind.CLAWBACK:
        ledger.tell(CommissionClawedBack(**told), row, Told.BROKER_AND_ADMINS)
    else:
        ledger.tell(CommissionAccrued(kind=kind, kind_display=kind.label, **told), row, Told.BROKER)
