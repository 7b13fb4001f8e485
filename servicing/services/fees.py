"""Fees: charging, editing, waiving and cancelling them."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.choices import Component
from applications.models import Application
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import changed_names
from servicing.choices import Account, EntryType, LoanStatus
from servicing.events import FeeAdded, FeeCancelled, FeeChanged, FeeWaived
from servicing.models import Fee
from servicing.services.books import Books, fee_status, open_books
from servicing.services.errors import LoanNotOpen
from servicing.services.store import Told

ACCOUNTS = {
    Component.FEE: (Account.FEES_RECEIVABLE, Account.FEE_INCOME),
    Component.PENALTY: (Account.PENALTY_RECEIVABLE, Account.PENALTY_INCOME),
}


def fee_add(*, application: Application, actor: Any, **fields: Any) -> Fee:
    """Charge a fee, also before settlement. Money that is held pays it when it is due.

    Raises:
        Conflict: the application came to nothing.
        LoanNotOpen: its loan is paid out or written off.
    """
    with transaction.atomic():
        books = open_books(application, actor=actor)
        if books.application.is_ended:
            raise Conflict("An application that was declined or withdrawn is charged no fees.")
        check_not_written_off(books)
        if books.facts.loan is not None and books.facts.loan.status == LoanStatus.CLOSED:
            # It would open the loan again, and with it what was clawed back at its end.
            raise LoanNotOpen("This loan is paid out.")
        books.catch_up(books.today)
        fee = charge_fee(books, on=books.today, **fields)
        books.finish()
    return fee


def charge_fee(books: Books, *, on: date, **fields: Any) -> Fee:
    """Add a fee to open books, and apply money that is held for it."""
    now = books.store.now()
    fee = Fee(application=books.application, created_by=books.actor, created_at=now, updated_at=now, **fields)
    fee.status = fee_status(fee, books.today)
    books.store.add([fee])
    books.facts.fees.append(fee)
    _post(books, fee, fee.amount, EntryType.FEE_CREATED, on, f"{fee.get_fee_type_display()} fee")
    if books.held and fee.due_date <= books.today:
        books.apply_held(on)
    books.tell(
        FeeAdded(
            reference=books.application.reference_number,
            fee_id=fee.pk,
            fee_type=fee.fee_type,
            fee_type_display=fee.get_fee_type_display(),
            amount=str(fee.amount),
            due_date=fee.due_date.isoformat(),
        ),
        fee,
    )
    return fee


def fee_update(*, fee: Fee, actor: Any, **fields: Any) -> Fee:
    """Edit a fee; another amount is posted as an adjustment.

    Raises:
        Conflict: other amounts, dates or kinds of a fee that money has gone to, or that was waived.
        InvalidInput: `fee_type`: a late fee is of another kind than the others.
    """
    with transaction.atomic():
        books = open_books(fee.application, actor=actor)
        check_not_written_off(books)
        books.catch_up(books.today)
        fee = find_fee(books, fee)
        changed = changed_names(fee, fields)
        if not changed:
            return fee
        if set(changed) - {"description"} and (fee.paid_amount or fee.waived_amount):
            raise Conflict("Of a fee that was paid or waived, only the description is edited.")
        component, difference = fee.component, fields.get("amount", fee.amount) - fee.amount
        books.set(fee, **fields)
        if fee.component != component:
            raise InvalidInput.field("fee_type", "A late fee is a penalty; cancel it and add another fee.")
        _post(books, fee, difference, EntryType.ADJUSTMENT, books.today, "Fee edited")
        if books.held:
            books.apply_held(books.today)
        books.finish()
        payload = FeeChanged(
            reference=books.application.reference_number, fee_id=fee.pk, field_names=", ".join(changed)
        )
        books.tell(payload, fee, Told.NOBODY)
    return fee


def fee_waive(*, fee: Fee, actor: Any, reason: str = "") -> Fee:
    """Waive what is unpaid of a fee.

    Raises:
        Conflict: nothing is unpaid.
    """
    with transaction.atomic():
        books = open_books(fee.application, actor=actor)
        check_not_written_off(books)
        books.catch_up(books.today)
        fee = find_fee(books, fee)
        waived = fee.outstanding
        if not waived:
            raise Conflict("Nothing of this fee is unpaid.")
        books.set(fee, waived_amount=fee.waived_amount + waived)
        words = f"Fee waived: {reason}" if reason else "Fee waived"
        _post(books, fee, -waived, EntryType.FEE_WAIVED, books.today, words)
        books.finish()
        books.tell(
            FeeWaived(
                reference=books.application.reference_number,
                fee_id=fee.pk,
                fee_type_display=fee.get_fee_type_display(),
                amount=str(waived),
            ),
            fee,
        )
    return fee


def fee_cancel(*, fee: Fee, actor: Any) -> None:
    """Take a fee that was entered in error out of the book; the ledger keeps both entries.

    Raises:
        Conflict: money has gone to it, or it was waived.
    """
    with transaction.atomic():
        books = open_books(fee.application, actor=actor)
        check_not_written_off(books)
        books.catch_up(books.today)
        fee = find_fee(books, fee)
        if fee.paid_amount or fee.waived_amount:
            raise Conflict("A fee that was paid or waived stays. Waive what is unpaid of it.")
        _post(books, fee, -fee.amount, EntryType.ADJUSTMENT, books.today, "Fee cancelled")
        books.set(fee, cancelled_at=books.store.now())
        books.facts.fees.remove(fee)
        books.finish()
        books.tell(
            FeeCancelled(
                reference=books.application.reference_number,
                fee_id=fee.pk,
                fee_type_display=fee.get_fee_type_display(),
                amount=str(fee.amount),
            ),
            fee,
            Told.NOBODY,
        )


def find_fee(books: Books, fee: Fee) -> Fee:
    """The fee as the open books have it.

    Raises:
        Conflict: it was cancelled meanwhile.
    """
    for row in books.facts.fees:
        if row.pk == fee.pk:
            return row
    raise Conflict("This fee was cancelled.")


def check_not_written_off(books: Books) -> None:
    """Refuse to touch what was given up.

    Raises:
        LoanNotOpen: the loan is written off.
    """
    loan = books.facts.loan
    if loan is not None and loan.status == LoanStatus.WRITTEN_OFF:
        raise LoanNotOpen("This loan is written off.")


def _post(books: Books, fee: Fee, amount: Decimal, entry_type: EntryType, on: date, words: str) -> None:
    """Charge so much of a fee, or take it back when negative."""
    receivable, income = ACCOUNTS[fee.component]
    books.post(entry_type, on, {receivable: amount, income: -amount}, words, fee=fee)
