"""Loans whose last repayment has fallen due and that are not repaid: another schedule for their principal."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from crm_backend.common.errors import Conflict, InvalidInput
from servicing.allocation import ZERO
from servicing.choices import EntryType
from servicing.models import Fee, Repayment
from servicing.schedule import Terms, revise
from servicing.selectors.terms import terms_of
from servicing.services.books import Books
from servicing.services.scheduling import number_of_instalments


def check_matured(books: Books, on: date, loan_term: int | None) -> None:
    """Refuse what is no loan to be given a new schedule as of a day.

    Raises:
        InvalidInput: `loan_term` is lacking; `effective_date` is to come, or money came later.
        Conflict: no principal is left.
    """
    if loan_term is None:
        raise InvalidInput.field("loan_term", "The loan has matured: say how long it runs from now on.")
    if on > books.today:
        raise InvalidInput.field("effective_date", "The loan has matured: they begin today at the latest.")
    if on < books.facts.latest_money():
        raise InvalidInput.field("effective_date", f"Money came or went on {books.facts.latest_money()}.")
    if not unpaid_principal(books):
        raise Conflict("No principal is left to reschedule.")


def unpaid_principal(books: Books) -> Decimal:
    """Principal that has fallen due and is not paid, AUD."""
    return sum((_unpaid(row) for row in books.facts.repayments), ZERO)


def new_terms(books: Books, on: date, advanced: Decimal, rate: Decimal | None, months: int) -> Terms:
    """The terms of unpaid principal from a day on: those before, without grace and balloon."""
    # A payout that bounced has left one that only says when it was.
    before = next(one for one in reversed(books.facts.schedules) if one.first_due_date > one.starts_on)
    terms = revise(
        terms_of(before),
        on=on,
        principal=unpaid_principal(books) + advanced,
        interest_brought_forward=ZERO,
        number_of_instalments=number_of_instalments(months, before.frequency),
        annual_rate=rate,
    )
    if terms.principal_percentage is not None:
        terms = replace(terms, principal_percentage=terms.principal_percentage.quantize(Decimal("0.0001")))
    number = max(row.number for row in books.facts.repayments) + 1
    return replace(terms, first_number=number, principal_grace_periods=0, balloon=ZERO)


def without_principal(books: Books) -> dict[Repayment, Repayment]:
    """For each repayment with unpaid principal, one that takes its place without it.

    Interest that is unpaid stays due, with its day; so does what was paid. The interest is in the ledger, and
    is that of the new row from now on.
    """
    now, places = books.store.now(), {}
    for row in books.facts.repayments:
        if not (unpaid := _unpaid(row)):
            continue
        places[row] = Repayment(
            application=books.application,
            number=row.number,
            period_start=row.period_start,
            due_date=row.due_date,
            amount=row.amount - unpaid,
            interest=row.interest,
            principal=row.principal - unpaid,
            balance_after=row.balance_after,
            charged_on=row.charged_on,
            due_soon_told=row.due_soon_told,
            overdue_told=row.overdue_told,
            created_at=now,
            updated_at=now,
        )
    return places


def take_over(books: Books, places: Mapping[Repayment, Repayment]) -> None:
    """Move to the new rows what is of the old ones: what was paid, what was meant for them, late fees."""
    new = {old.pk: row for old, row in places.items()}
    for old in places:
        books.set(old, interest_paid=ZERO, principal_paid=ZERO, paid_on=None, charged_on=None)
    cancelled = Fee.objects.filter(application=books.application, repayment__in=new).exclude(
        cancelled_at=None
    )
    for fee in (*books.facts.fees, *cancelled):
        if fee.repayment_id in new:
            books.set(fee, repayment=new[fee.repayment_id])
    meant = [payment for payment in books.facts.payments if payment.repayment_id in new]
    for payment in meant:
        payment.repayment = new[payment.repayment_id or 0]
    books.store.change(meant, ("repayment",))
    moved = books.reallocate(books.today)
    books.post(EntryType.ADJUSTMENT, books.today, moved, "Payments, applied to the new terms")


def _unpaid(row: Repayment) -> Decimal:
    return max(row.principal, ZERO) - row.principal_paid
