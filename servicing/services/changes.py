"""Loans that do not go as scheduled: other terms, paid out early, written off."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.models import Application
from crm_backend.common.errors import InvalidInput
from servicing.allocation import ZERO
from servicing.choices import Account, EntryType, LoanStatus, RepaymentStatus
from servicing.events import LoanExtended, LoanWrittenOff
from servicing.models import Payment, Repayment, ScheduleVersion, WriteOff
from servicing.schedule import Schedule, Terms, make_schedule, revise
from servicing.selectors.accruals import interest_earned
from servicing.selectors.payoff import payoff
from servicing.selectors.terms import terms_of
from servicing.services.accruals import accrue_to_today, follow_terms
from servicing.services.books import Books, open_books
from servicing.services.errors import NotHeld, WrongPayoff
from servicing.services.maturity import check_matured, new_terms, take_over, without_principal
from servicing.services.payments import check_open, receive, tell_paid_out
from servicing.services.scheduling import (
    engine_errors,
    keep_terms,
    number_of_instalments,
    repayments_of,
)
from servicing.services.settlement import post_schedule


def loan_extend(
    *,
    application: Application,
    actor: Any,
    effective_date: date | None = None,
    loan_term: int | None = None,
    interest_rate: Decimal | None = None,
    additional_amount: Decimal | None = None,
    reason: str = "",
) -> ScheduleVersion:
    """Give what is left of a loan other terms from a day on.

    Repayments after the day are superseded by a new schedule, with their due dates continued. Interest of the
    broken period is due with its first repayment. What had fallen due before stays due; but of a loan that
    has matured, the principal that is unpaid is what gets the new schedule.

    Args:
        application: settled.
        actor: who does it.
        effective_date: today when left out; not before the last repayment that fell due or was paid.
        loan_term: months from the effective date to the last repayment; as scheduled when left out, which
            nothing is of a loan that has matured.
        interest_rate: from then on, percent per annum; as it is when left out.
        additional_amount: lent on the effective date, AUD.
        reason: kept with the schedule.

    Raises:
        LoanNotOpen: the loan is not settled, paid out or written off.
        InvalidInput: by field.
        Conflict: nothing is left to be rescheduled.
    """
    if loan_term is None and interest_rate is None and additional_amount is None:
        raise InvalidInput.field("loan_term", "Give a term, a rate or an amount to change.")
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_open(books)
        books.catch_up(books.today)
        on = effective_date or books.today
        if additional_amount and on > books.today:
            raise InvalidInput.field("effective_date", "Money is lent today at the latest.")
        gone = _left(books, on, "effective_date")
        advanced = additional_amount or ZERO
        version = ScheduleVersion(advanced=advanced, reason=reason)
        with engine_errors():
            if gone:
                terms = _revised(books, gone, on, advanced, interest_rate, loan_term)
            else:
                check_matured(books, on, loan_term)
                terms = new_terms(books, on, advanced, interest_rate, loan_term or 0)
            schedule = make_schedule(terms)
        if advanced:
            lines = {Account.LOAN_PRINCIPAL: advanced, Account.CASH: -advanced}
            books.post(EntryType.DISBURSEMENT, on, lines, "Further amount disbursed")
        _supersede(books, version, terms, schedule, gone, on)
        books.finish()
        books.tell(
            LoanExtended(
                reference=books.application.reference_number,
                effective_date=on.isoformat(),
                version=version.version,
                instalments=len(schedule.instalments),
                principal=str(terms.principal),
                advanced=str(advanced),
                annual_rate=str(terms.annual_rate),
            ),
            books.loan,
        )
    return version


def loan_pay_out(
    *, application: Application, actor: Any, received_on: date | None = None, amount: Decimal, **fields: Any
) -> Payment | None:
    """Take the payoff figure of a day and close the loan.

    The repayments after the day are superseded by one on the day itself. With an amount of 0, money that is
    held pays the loan out, and there is no payment.

    Raises:
        LoanNotOpen: the loan is not settled, paid out or written off.
        InvalidInput: `received_on`: before the last repayment that fell due or was paid.
        WrongPayoff: the figure is another one.
    """
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_open(books)
        books.catch_up(books.today)
        payment = pay_out(books, on=received_on or books.today, amount=amount, **fields)
        books.finish()
        tell_paid_out(books)
    return payment


def pay_out(books: Books, *, on: date, amount: Decimal | None = None, **fields: Any) -> Payment | None:
    """Pay a loan out in open books; with no amount given, whatever the figure is."""
    gone = _left(books, on, "received_on", paid_ahead=True)
    if on < (latest := books.facts.latest_money()):
        raise InvalidInput.field("received_on", f"Money came or went on {latest}.")
    figure = payoff(books.facts, on).total
    if amount is not None and amount != figure:
        raise WrongPayoff(
            f"On {on}, {figure} AUD pay this loan out.", extra={"figure": str(figure), "date": on.isoformat()}
        )
    for fee in books.facts.fees:
        if fee.outstanding and fee.due_date > on:
            books.set(fee, due_date=on)
    if gone:
        _reschedule_to_one(books, gone, on)
    payment = receive(books, amount=figure, received_on=on, **fields) if figure else None
    books.catch_up(books.today)
    if books.held:
        books.apply_held(on)
    return payment


def loan_write_off(*, application: Application, actor: Any, reason: str) -> WriteOff:
    """Give up all that is owed on a loan: principal, interest charged or earned, fees and penalties.

    Raises:
        LoanNotOpen: the loan is not settled, paid out or written off.
        NotHeld: money is held for the borrower; refund it or let it pay first.
    """
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_open(books)
        books.catch_up(books.today)
        row = write_off(books, reason=reason)
        books.finish()
    return row


def write_off(books: Books, *, reason: str) -> WriteOff:
    """Give up a loan in open books.

    Raises:
        NotHeld: money is held for the borrower.
    """
    if books.held:
        raise NotHeld("Money is held for this borrower. Refund it first.", extra={"held": str(books.held)})
    accrue_to_today(books)
    parts = {
        "principal": books.balances[Account.LOAN_PRINCIPAL],
        "interest": books.balances[Account.INTEREST_RECEIVABLE],
        "accrued_interest": books.balances[Account.INTEREST_ACCRUED],
        "fees": books.balances[Account.FEES_RECEIVABLE],
        "penalties": books.balances[Account.PENALTY_RECEIVABLE],
    }
    row = WriteOff(
        application=books.application,
        written_off_on=books.today,
        reason=reason,
        created_by=books.actor,
        created_at=books.store.now(),
        **parts,
    )
    books.store.add([row])
    total = sum(parts.values(), ZERO)
    lines = {
        Account.WRITE_OFF: total,
        Account.LOAN_PRINCIPAL: -parts["principal"],
        Account.INTEREST_RECEIVABLE: -parts["interest"],
        Account.INTEREST_ACCRUED: -parts["accrued_interest"],
        Account.FEES_RECEIVABLE: -parts["fees"],
        Account.PENALTY_RECEIVABLE: -parts["penalties"],
    }
    books.post(EntryType.WRITE_OFF, books.today, lines, f"Written off: {reason}")
    books.set(books.loan, status=LoanStatus.WRITTEN_OFF, closed_on=books.today)
    payload = LoanWrittenOff(
        reference=books.application.reference_number,
        amount=str(total),
        written_off_on=books.today.isoformat(),
    )
    books.tell(payload, books.loan)
    return row


def _left(books: Books, on: date, field: str, *, paid_ahead: bool = False) -> list[Repayment]:
    """The repayments after a day, none of which has been touched; those that were paid ahead are left out."""
    if on < books.loan.settled_on:
        raise InvalidInput.field(field, "The loan was settled later.")
    gone = [row for row in books.facts.repayments if row.due_date > on]
    if paid_ahead:
        today = books.today
        gone = [row for row in gone if row.charged_on is None or row.outstanding or row.due_date <= today]
    if touched := [row for row in gone if row.charged_on is not None]:
        last = max(row.due_date for row in touched)
        raise InvalidInput.field(field, f"The repayment of {last} has fallen due or is paid already.")
    # What was agreed for a day to come does not stand in the way of paying out before it.
    latest = [row for row in books.facts.schedules if row.starts_on > on]
    if latest and not (paid_ahead and all(row.starts_on > books.today for row in latest)):
        raise InvalidInput.field(field, f"The terms were changed from {latest[-1].starts_on} on.")
    return gone


def _revised(
    books: Books,
    gone: list[Repayment],
    on: date,
    advanced: Decimal,
    interest_rate: Decimal | None,
    loan_term: int | None,
) -> Terms:
    version = books.facts.schedules[-1]
    number = None
    if loan_term is not None:
        number = number_of_instalments(loan_term, version.frequency)
    terms = revise(
        terms_of(version),
        on=on,
        principal=sum((row.principal for row in gone), ZERO) + advanced,
        interest_brought_forward=interest_earned(books.facts, gone[0], on),
        number_of_instalments=number or len(gone),
        annual_rate=interest_rate,
    )
    if terms.principal_percentage is not None:
        # As the schedule's row will say it.
        terms = replace(terms, principal_percentage=terms.principal_percentage.quantize(Decimal("0.0001")))
    return terms


def _reschedule_to_one(books: Books, gone: list[Repayment], on: date) -> None:
    """Have what is left fall due at once, with the interest that was earned by the day."""
    principal = sum((row.principal for row in gone), ZERO)
    interest = interest_earned(books.facts, gone[0], on)
    before, first = books.facts.schedules[-1], gone[0]
    version = ScheduleVersion(
        starts_on=on,
        first_due_date=on,
        number_of_instalments=1,
        principal=principal,
        annual_rate=before.annual_rate,
        method=before.method,
        day_count=before.day_count,
        rounding=before.rounding,
        first_number=first.number,
        interest_brought_forward=interest,
        reason="Paid out",
    )
    now = books.store.now()
    row = Repayment(
        application=books.application,
        number=first.number,
        period_start=min(first.period_start, on),
        due_date=on,
        amount=principal + interest,
        interest=interest,
        principal=principal,
        balance_after=ZERO,
        created_at=now,
        updated_at=now,
    )
    _replace(books, version, [row], gone, on)


def _supersede(
    books: Books,
    version: ScheduleVersion,
    terms: Terms,
    schedule: Schedule,
    gone: list[Repayment],
    on: date,
) -> None:
    keep_terms(version, terms)
    # The first period began before the change; the interest of that part was brought forward.
    since = min(gone[0].period_start, on) if gone else on
    rows = repayments_of(books.application, version, schedule, books.store.now(), since=since)
    places = {} if gone else without_principal(books)
    _replace(books, version, [*places.values(), *rows], gone or list(places), on)
    if places:
        take_over(books, places)
        books.catch_up(books.today)
    follow_terms(books)


def _replace(
    books: Books, version: ScheduleVersion, rows: list[Repayment], gone: list[Repayment], on: date
) -> None:
    """Put a schedule in the place of repayments: they stay, superseded."""
    before = books.facts.schedules[-1]
    version.loan, version.version = books.loan, before.version + 1
    version.frequency = before.frequency
    version.created_by, version.created_at = books.actor, books.store.now()
    books.store.add([version])
    for row in rows:
        row.schedule = version
    books.store.add(rows)
    for row in gone:
        books.set(row, status=RepaymentStatus.SUPERSEDED, superseded_by=version, superseded_on=on)
    kept = [row for row in books.facts.repayments if row not in gone]
    books.facts.repayments = kept + rows
    books.facts.schedules.append(version)
    post_schedule(books, on, rows, gone)
