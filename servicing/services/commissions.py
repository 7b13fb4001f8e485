"""What a broker earns by a loan: accrued at settlement and by the month, clawed back when it ends early.

Like all books these follow facts. `follow_end` asks what is to be clawed back of a loan as it stands, and
writes the difference to what has been: a payment that bounces and opens the loan again takes it back.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicing import commissions as rules
from servicing.allocation import ZERO
from servicing.choices import Account, ClawbackMethod, CommissionKind, EntryType, LoanStatus
from servicing.events import CommissionAccrued, CommissionClawedBack
from servicing.models import Commission, CommissionTerms, LoanCommission
from servicing.services.store import Told

if TYPE_CHECKING:
    from servicing.services.books import Books

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
    """The terms of a loan, and what has come of them beside trails; `clawed_back` as a positive amount."""

    terms: LoanCommission
    upfront: Decimal = ZERO
    clawed_back: Decimal = ZERO


def read_agreed(books: "Books") -> Agreed | None:
    """What is kept of a loan's commission; None where nothing was agreed."""
    application = books.application
    terms = books.commission or LoanCommission.objects.filter(application=application).first()
    if terms is None:
        return None
    agreed = Agreed(terms)
    rows = Commission.objects.filter(application=application).exclude(kind=CommissionKind.TRAIL)
    for kind, amount in rows.values_list("kind", "amount"):
        if kind == CommissionKind.UPFRONT:
            agreed.upfront += amount
        else:
            agreed.clawed_back -= amount
    return agreed


def agree(books: "Books", offer: CommissionTerms, *, principal: Decimal, on: date) -> LoanCommission:
    """Keep the terms with a loan that is settled, and accrue the upfront commission."""
    broker, now = books.application.broker, books.store.now()
    assert broker is not None
    terms = LoanCommission(
        application=books.application,
        broker=broker,
        branch_id=broker.branch_id,
        trail_from=rules.first_of(on) if offer.trail_rate else None,
        created_at=now,
        updated_at=now,
        **{name: getattr(offer, name) for name in RULES},
    )
    books.store.add([terms])
    books.commission = terms
    amount = rules.percent_of(principal, terms.upfront_rate)
    _accrue(books, terms, CommissionKind.UPFRONT, on, amount, base=principal, rate=terms.upfront_rate)
    return terms


def accrue_trail(books: "Books", terms: LoanCommission, until: date) -> int:
    """Accrue the trail of each month that ended before a day and has not been worked out; how many."""
    accrued, books.commission = 0, terms
    while terms.trail_from is not None and rules.last_of(terms.trail_from) < until:
        month, last = terms.trail_from, rules.last_of(terms.trail_from)
        base = books.principal_on(last)
        amount = rules.trail_of(base, terms.trail_rate, month, books.loan.settled_on)
        if _accrue(
            books, terms, CommissionKind.TRAIL, last, amount, base=base, rate=terms.trail_rate, month=month
        ):
            accrued += 1
        books.set(terms, trail_from=rules.next_month(month))
    return accrued


def follow_end(books: "Books") -> None:
    """Claw back what is to be clawed back of a loan as it stands, when it has ended or had ended."""
    agreed = read_agreed(books)
    if agreed is None:
        return
    loan, terms = books.loan, agreed.terms
    wanted = ZERO
    if loan.status != LoanStatus.ACTIVE:
        assert loan.closed_on is not None
        accrue_trail(books, terms, loan.closed_on)
        wanted = rules.clawback_of(
            agreed.upfront,
            terms.clawback_percentage,
            settled_on=loan.settled_on,
            months=terms.clawback_months,
            ended_on=loan.closed_on,
            pro_rata=terms.clawback_method == ClawbackMethod.PRO_RATA,
        )
    if difference := wanted - agreed.clawed_back:
        kind = CommissionKind.CLAWBACK if difference > 0 else CommissionKind.CLAWBACK_REVERSED
        before = rules.percent_of(agreed.clawed_back, terms.branch_share)
        _write(
            books,
            terms,
            kind,
            books.today,
            -difference,
            before - rules.percent_of(wanted, terms.branch_share),
            base=agreed.upfront,
            rate=terms.clawback_percentage,
        )


def _accrue(
    books: "Books", terms: LoanCommission, kind: CommissionKind, on: date, amount: Decimal, **fields: Any
) -> Commission | None:
    """Write a commission and share it; none of nothing."""
    if not amount:
        return None
    return _write(books, terms, kind, on, amount, rules.percent_of(amount, terms.branch_share), **fields)


def _write(
    books: "Books",
    terms: LoanCommission,
    kind: CommissionKind,
    on: date,
    amount: Decimal,
    branch_amount: Decimal,
    **fields: Any,
) -> Commission:
    """Write a commission with its entry, and tell of it."""
    clawback = kind == CommissionKind.CLAWBACK
    entry = books.post(
        EntryType.COMMISSION_CLAWED_BACK if clawback else EntryType.COMMISSION_ACCRUED,
        on,
        {Account.COMMISSION_EXPENSE: amount, Account.COMMISSION_PAYABLE: -amount},
        f"{kind.label} commission" + (f" of {fields['month']:%B %Y}" if fields.get("month") else ""),
    )
    row = Commission(
        application=books.application,
        broker_id=terms.broker_id,
        branch_id=terms.branch_id,
        kind=kind,
        accrued_on=on,
        amount=amount,
        broker_amount=amount - branch_amount,
        branch_amount=branch_amount,
        entry=entry,
        created_at=books.store.now(),
        **fields,
    )
    books.store.add([row])
    told = {
        "reference": books.application.reference_number,
        "commission_id": row.pk,
        "amount": str(abs(amount)),
        "broker_amount": str(abs(row.broker_amount)),
        "branch_amount": str(abs(branch_amount)),
        "accrued_on": on.isoformat(),
    }
    if clawback:
        books.tell(CommissionClawedBack(**told), row, Told.BROKER_AND_ADMINS)
    else:
        books.tell(CommissionAccrued(kind=kind, kind_display=kind.label, **told), row, Told.BROKER)
    return row
