"""Disbursing a loan: terms, schedule, fees, opening entries and the move to settled, all or nothing."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.choices import (
    DayCount,
    RepaymentMethod,
    Rounding,
    Stage,
    usual_allocation,
)
from applications.models import Application
from applications.services.stage import application_move, check_settlement
from crm_backend.common.errors import InvalidInput
from servicing.allocation import ZERO
from servicing.choices import Account, EntryType, PaymentMethod
from servicing.events import LoanSettled
from servicing.models import CommissionTerms, Loan, Repayment, ScheduleVersion
from servicing.schedule import DayCount as EngineDayCount
from servicing.schedule import Method, RoundingMode, Terms, make_schedule
from servicing.schedule import Rounding as EngineRounding
from servicing.selectors.commissions import commission_terms_for
from servicing.selectors.terms import FREQUENCIES
from servicing.services.books import Books, open_books
from servicing.services.commissions import agree
from servicing.services.fees import charge_fee
from servicing.services.payments import receive
from servicing.services.referrals import Referral, accrue_referral, referral_of
from servicing.services.scheduling import (
    engine_errors,
    keep_terms,
    number_of_instalments,
    repayments_of,
)


def application_settle(
    *,
    application: Application,
    actor: Any,
    settlement_date: date | None = None,
    fees: Sequence[Mapping[str, Any]] = (),
    reason: str = "",
    notes: str = "",
    **shape: Any,
) -> Loan:
    """Lend the approved amount.

    Args:
        application: at its settlement conditions.
        actor: who does it.
        settlement_date: the value date, today when left out.
        fees: each with `fee_type`, `amount` and maybe `description`, `due_date` and `deducted`: a fee that is
            taken out of what is paid to the borrower.
        reason: of the move, for everyone on the application.
        notes: of the move, for the lender's staff.
        shape: of the schedule: `first_due_date`, `balloon`, `principal_grace_periods`,
            `principal_percentage`.

    Raises:
        IllegalMove, NotAllowed, InvalidInput, GuardNotMet: as a move to settled.
        InvalidInput: by field, terms that make no schedule, or deductions of more than is lent.
    """
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_settlement(application=books.application, actor=actor, reason=reason)
        on = settlement_date or books.today
        offer = commission_terms_for(books.application)
        referral = referral_of(books.application, on)
        loan = settle(books, on=on, fees=fees, commission=offer, referral=referral, **shape)
        books.catch_up(books.today)
        books.finish()
        application_move(
            application=books.application, to=Stage.SETTLED, actor=actor, reason=reason, notes=notes
        )
    return loan


def settle(
    books: Books,
    *,
    on: date,
    fees: Sequence[Mapping[str, Any]] = (),
    commission: CommissionTerms | None = None,
    referral: Referral | None = None,
    **shape: Any,
) -> Loan:
    """Write a loan into open books as of a day, without the move of its application.

    `commission`: the terms that its broker is paid by; `referral`: those of who referred it.
    """
    application = books.application
    principal = application.approved_amount
    assert principal is not None
    deducted = sum((fee["amount"] for fee in fees if fee.get("deducted")), ZERO)
    if deducted > principal:
        raise InvalidInput.field("fees", "More is deducted than is lent.")
    with engine_errors():
        terms = loan_terms(application, principal, on, shape)
        schedule = make_schedule(terms)
    loan = _loan(books, on)
    version = ScheduleVersion(
        loan=loan,
        version=1,
        advanced=principal,
        frequency=application.repayment_frequency,
        created_by=books.actor,
        created_at=books.store.now(),
    )
    books.store.add([keep_terms(version, terms)])
    books.facts.schedules.append(version)
    rows = repayments_of(application, version, schedule, books.store.now())
    books.store.add(rows)
    books.facts.repayments.extend(rows)
    lines = {Account.LOAN_PRINCIPAL: principal, Account.CASH: -principal}
    books.post(EntryType.DISBURSEMENT, on, lines, f"Loan {application.reference_number} disbursed")
    post_schedule(books, on, rows)
    for fee in fees:
        _charge(books, on, fee)
    books.tell(
        LoanSettled(
            reference=application.reference_number,
            amount=str(principal),
            settled_on=on.isoformat(),
            instalments=len(rows),
            first_due_date=rows[0].due_date.isoformat(),
        ),
        loan,
    )
    if commission is not None:
        agree(books, commission, principal=principal, on=on)
    if referral is not None:
        accrue_referral(books, referral, principal=principal, on=on)
    return loan


def post_schedule(
    books: Books, on: date, rows: Sequence[Repayment], superseded: Sequence[Repayment] = ()
) -> None:
    """Note in the memorandum accounts what is scheduled now, less what is not any more."""
    difference = sum((row.amount for row in rows), ZERO) - sum((row.amount for row in superseded), ZERO)
    books.post(
        EntryType.REPAYMENT_SCHEDULED,
        on,
        {Account.SCHEDULED: difference, Account.SCHEDULED_CONTRA: -difference},
        f"{len(rows)} repayments scheduled, the first on {rows[0].due_date}",
    )


def loan_terms(application: Application, principal: Decimal, on: date, shape: Mapping[str, Any]) -> Terms:
    """The terms that an application would be settled on: so much, on a day, in a shape."""
    product = application.product
    return Terms(
        principal=principal,
        annual_rate=application.interest_rate,
        number_of_instalments=number_of_instalments(application.loan_term, application.repayment_frequency),
        frequency=FREQUENCIES[application.repayment_frequency],
        start_date=on,
        method=Method(product.repayment_method if product else RepaymentMethod.EQUAL_INSTALMENTS),
        day_count=EngineDayCount(product.day_count if product else DayCount.ACT_365),
        rounding=EngineRounding(
            RoundingMode(product.rounding if product else Rounding.HALF_UP),
            product.instalment_multiple if product else None,
        ),
        **shape,
    )


def _loan(books: Books, on: date) -> Loan:
    product, now = books.application.product, books.store.now()
    loan = Loan(
        application=books.application,
        settled_on=on,
        allocation_order=list(product.allocation_order) if product else usual_allocation(),
        late_fee=product.late_fee if product else None,
        late_fee_after_days=product.late_fee_after_days if product else 1,
        created_by=books.actor,
        created_at=now,
        updated_at=now,
    )
    books.store.add([loan])
    books.facts.loan = loan
    return loan


def _charge(books: Books, on: date, fields: Mapping[str, Any]) -> None:
    """Charge a fee, and take it out of the disbursement if it is to be deducted."""
    given = {name: value for name, value in fields.items() if name != "deducted"}
    deducted = fields.get("deducted", False)
    given["due_date"] = on if deducted else given.get("due_date") or on
    fee = charge_fee(books, on=on, **given)
    if deducted:
        receive(books, fee=fee, amount=fee.amount, received_on=on, method=PaymentMethod.DEDUCTION)
