"""Money that comes in, is taken back, or is given back."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.models import Application
from crm_backend.common.errors import Conflict, InvalidInput
from servicing.allocation import ZERO
from servicing.choices import (
    Account,
    EntryType,
    FeeStatus,
    LoanStatus,
    PaymentMethod,
    PaymentStatus,
    RepaymentStatus,
)
from servicing.events import LoanPaidOut, PaymentRecorded, PaymentRefunded, PaymentReversed
from servicing.models import Fee, JournalEntry, Payment, Refund, Repayment
from servicing.services.books import Books, open_books
from servicing.services.errors import LoanNotOpen, NotHeld
from servicing.services.fees import ACCOUNTS, check_not_written_off, find_fee


def payment_record(*, application: Application, actor: Any, **fields: Any) -> Payment:
    """Record a payment on a settled loan; what it does not pay now is held for what falls due next.

    A `repayment` or `fee` that is given is paid first.

    Raises:
        LoanNotOpen: the loan is not settled, paid out or written off.
        InvalidInput: `received_on` lies before the settlement; what is named is of another application.
        Conflict: what is named is superseded or cancelled, or cannot be paid ahead.
        RefundedAlready: dated so early that money that was refunded would be needed.
    """
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_open(books)
        if fields["received_on"] < books.loan.settled_on:
            raise InvalidInput.field("received_on", "The loan was settled later.")
        for name, find in (("repayment", find_repayment), ("fee", find_fee)):
            if (target := fields.get(name)) is not None:
                if target.application_id != books.application.pk:
                    raise InvalidInput.field(name, f"This {name} is of another application.")
                fields[name] = find(books, target)
        books.catch_up(books.today)
        if fields.get("repayment") is not None:
            check_ahead(books, fields["repayment"], fields["amount"])
        payment = receive(books, **fields)
        books.finish()
        tell_paid_out(books)
    return payment


def receive(books: Books, **fields: Any) -> Payment:
    """Add a payment to open books, and let it pay what it can."""
    books.catch_up(books.today)
    payment = Payment(
        application=books.application, created_by=books.actor, created_at=books.store.now(), **fields
    )
    books.store.add([payment])
    books.facts.payments.append(payment)
    moved = books.reallocate(books.today)
    lines = {**moved, Account.CASH: payment.amount}
    lines[Account.UNAPPLIED] = moved[Account.UNAPPLIED] - payment.amount
    books.post(
        EntryType.REPAYMENT_RECEIVED if payment.fee_id is None else EntryType.FEE_PAID,
        payment.received_on,
        lines,
        payment.reference or payment.get_method_display(),
        payment=payment,
        fee=payment.fee,
        repayment=_only_repayment(books, payment),
    )
    applied = sum((share.amount for share in books.shares_of(payment)), ZERO)
    books.tell(
        PaymentRecorded(
            reference=books.application.reference_number,
            payment_id=payment.pk,
            amount=str(payment.amount),
            received_on=payment.received_on.isoformat(),
            applied=str(applied),
            held=str(payment.amount - applied),
        ),
        payment,
    )
    return payment


def fee_mark_paid(*, fee: Fee, actor: Any, received_on: date | None = None, **fields: Any) -> Fee:
    """Record a payment of what is unpaid of a fee, or of another amount, that goes to the fee first.

    Raises:
        Conflict: nothing is unpaid.
        InvalidInput: `amount`: more than is unpaid, where no loan could take the rest.
    """
    with transaction.atomic():
        books = open_books(fee.application, actor=actor)
        check_not_written_off(books)
        books.catch_up(books.today)
        fee = find_fee(books, fee)
        if not fee.outstanding:
            raise Conflict("Nothing of this fee is unpaid.")
        amount = fields.pop("amount", None) or fee.outstanding
        if amount > fee.outstanding and books.facts.loan is None:
            raise InvalidInput.field("amount", f"{fee.outstanding} AUD are unpaid, and nothing else is due.")
        receive(books, fee=fee, amount=amount, received_on=received_on or books.today, **fields)
        books.finish()
        tell_paid_out(books)
    return fee


def repayment_mark_paid(
    *, repayment: Repayment, actor: Any, received_on: date | None = None, **fields: Any
) -> Repayment:
    """Record a payment of what is unpaid of a repayment, or of another amount, that goes to it first.

    Raises:
        Conflict: it is paid, superseded, or cannot be paid ahead.
        LoanNotOpen: the loan is paid out or written off.
        InvalidInput: `received_on` lies before the settlement; `amount` does not pay what is not due in full.
    """
    with transaction.atomic():
        books = open_books(repayment.application, actor=actor)
        repayment = find_repayment(books, repayment)
        check_open(books)
        books.catch_up(books.today)
        if not repayment.outstanding:
            raise Conflict("This repayment is paid.")
        received_on = received_on or books.today
        if received_on < books.loan.settled_on:
            raise InvalidInput.field("received_on", "The loan was settled later.")
        amount = fields.pop("amount", None) or repayment.outstanding
        check_ahead(books, repayment, amount)
        receive(books, repayment=repayment, amount=amount, received_on=received_on, **fields)
        books.finish()
        tell_paid_out(books)
    return repayment


def payment_reverse(*, payment: Payment, actor: Any, reason: str) -> Payment:
    """Take a payment back: a new entry, and what it paid is open again or paid by other money.

    Raises:
        Conflict: it was reversed before, or never came: it was taken out of the disbursement.
        LoanNotOpen: the loan is written off.
        RefundedAlready: its money has been given back.
    """
    with transaction.atomic():
        books = open_books(payment.application, actor=actor)
        check_not_written_off(books)
        found = [row for row in books.facts.payments if row.pk == payment.pk]
        if not found:
            raise Conflict("This payment is reversed already.")
        if found[0].method == PaymentMethod.DEDUCTION:
            raise Conflict("It was taken out of the disbursement. Refund the fee instead.")
        books.catch_up(books.today)
        payment = found[0]
        books.facts.payments.remove(payment)
        payment.status, payment.reversed_on = PaymentStatus.REVERSED, books.today
        payment.reversal_reason = reason
        moved = books.reallocate(books.today)
        lines = {**moved, Account.CASH: -payment.amount}
        lines[Account.UNAPPLIED] = moved[Account.UNAPPLIED] + payment.amount
        books.post(
            EntryType.REVERSAL,
            books.today,
            lines,
            f"Payment of {payment.received_on} reversed: {reason}",
            payment=payment,
            fee=payment.fee,
            reverses=JournalEntry.objects.filter(payment=payment).order_by("pk").first(),
        )
        books.store.change([payment], ("status", "reversed_on", "reversal_reason"))
        books.finish()
        books.tell(
            PaymentReversed(
                reference=books.application.reference_number,
                payment_id=payment.pk,
                amount=str(payment.amount),
                received_on=payment.received_on.isoformat(),
            ),
            payment,
        )
    return payment


def refund(
    *,
    application: Application,
    actor: Any,
    amount: Decimal | None = None,
    fee: Fee | None = None,
    **fields: Any,
) -> Refund:
    """Give back money that is held, or a fee that was paid.

    Raises:
        InvalidInput: neither or both of `amount` and `fee`.
        Conflict: the fee is not paid.
        NotHeld: less is held, or the fee's money is needed for something else that is due.
    """
    if (amount is None) == (fee is None):
        raise InvalidInput.field("amount", "Give an amount, or a fee that was paid.")
    with transaction.atomic():
        books = open_books(application, actor=actor)
        check_not_written_off(books)
        books.catch_up(books.today)
        if fee is not None:
            fee = find_fee(books, fee)
            amount = _free(books, fee)
        assert amount is not None
        if amount > books.held:
            raise NotHeld(f"{books.held} AUD are held for this borrower.", extra={"held": str(books.held)})
        row = Refund(
            application=books.application,
            amount=amount,
            refunded_on=books.today,
            fee=fee,
            created_by=actor,
            created_at=books.store.now(),
            **fields,
        )
        books.store.add([row])
        books.facts.refunds.append(row)
        lines = {Account.UNAPPLIED: amount, Account.CASH: -amount}
        books.post(EntryType.REFUND, books.today, lines, row.reason or "Refund", fee=fee)
        books.finish()
        payload = PaymentRefunded(
            reference=books.application.reference_number,
            amount=str(amount),
            refunded_on=row.refunded_on.isoformat(),
        )
        books.tell(payload, row)
    return row


def _free(books: Books, fee: Fee) -> Decimal:
    """Take a paid fee off, so that its money is held; return how much that is."""
    if fee.status != FeeStatus.PAID or fee.outstanding:
        raise Conflict("This fee is not paid.")
    paid = fee.paid_amount
    receivable, income = ACCOUNTS[fee.component]
    books.set(fee, waived_amount=fee.amount, status=FeeStatus.REFUNDED)
    moved = dict(books.reallocate(books.today))
    moved[receivable] = moved.get(receivable, ZERO) - paid
    moved[income] = paid
    books.post(EntryType.FEE_WAIVED, books.today, moved, "Fee refunded", fee=fee)
    return paid


def check_open(books: Books) -> None:
    """Refuse money for a loan that is not there to take it.

    Raises:
        LoanNotOpen: it is not settled, paid out, or written off.
    """
    loan = books.facts.loan
    if loan is None:
        raise LoanNotOpen("This application has not been settled here.")
    if loan.status != LoanStatus.ACTIVE:
        raise LoanNotOpen(f"This loan is {loan.get_status_display().lower()}.")


def check_ahead(books: Books, repayment: Repayment, amount: Decimal) -> None:
    """Refuse to pay a repayment ahead in part, or before interest that will have joined the loan by then.

    Raises:
        InvalidInput: `amount`: less than what is unpaid of one that is not due.
        Conflict: interest of an earlier one is still to be capitalised.
    """
    if repayment.charged_on is not None or not repayment.outstanding:
        return
    if amount < repayment.outstanding:
        raise InvalidInput.field(
            "amount",
            f"It is due on {repayment.due_date}. Pay all of it, {repayment.outstanding} AUD, or name none: "
            "the money is held until then.",
        )
    for row in books.facts.repayments:
        if row.due_date < repayment.due_date and row.charged_on is None and row.capitalised:
            raise Conflict("Interest joins the loan before it is due. Pay the loan out instead.")


def find_repayment(books: Books, repayment: Repayment) -> Repayment:
    """The repayment as the open books have it.

    Raises:
        Conflict: it is superseded.
    """
    for row in books.facts.repayments:
        if row.pk == repayment.pk:
            return row
    raise Conflict(f"This repayment is {RepaymentStatus.SUPERSEDED.label.lower()}.")


def tell_paid_out(books: Books) -> None:
    """Say so when the last of what was owed has been paid."""
    loan = books.facts.loan
    if loan is not None and loan.status == LoanStatus.CLOSED and loan.closed_on is not None:
        payload = LoanPaidOut(
            reference=books.application.reference_number, closed_on=loan.closed_on.isoformat()
        )
        books.tell(payload, loan)


def _only_repayment(books: Books, payment: Payment) -> Repayment | None:
    """The repayment that a payment was meant for, or the only one that it pays."""
    if payment.repayment is not None:
        return payment.repayment
    paid = {share.repayment_id for share in books.shares_of(payment)}
    if len(paid) != 1 or None in paid:
        return None
    return next(row for row in books.facts.repayments if row.pk in paid)
