"""The books of one application, open for writing: the one door to the ledger.

What the books say follows from facts: repayments, fees, payments, refunds. A service adds or changes a fact
and has the books follow: `reallocate` replays which money pays what, and what has changed is posted as one
balanced entry. So a backdated payment and a reversal need no rules of their own, and a replay always gives
the balances that are there; `ledger_audit` checks that it does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import models

from applications.choices import Component
from applications.models import Application
from events.registry import Payload
from servicing.allocation import ZERO, Allocation, Key, RefundNotCovered, Share
from servicing.choices import (
    OWED,
    RECEIVABLE,
    Account,
    EntryType,
    FeeStatus,
    LoanStatus,
    RepaymentStatus,
)
from servicing.dates import business_date
from servicing.models import (
    AccountBalance,
    Fee,
    JournalEntry,
    JournalLine,
    Loan,
    LoanCommission,
    Payment,
    PaymentShare,
    Repayment,
)
from servicing.selectors.facts import Facts, read_facts
from servicing.services.commissions import follow_end
from servicing.services.errors import RefundedAlready
from servicing.services.store import Database, Store, Told

DUE_SOON_DAYS = 7
# Columns that follow from shares and dates.
FOLLOWING: dict[type[models.Model], tuple[str, ...]] = {
    Repayment: ("interest_paid", "principal_paid", "paid_on", "status", "charged_on"),
    Fee: ("paid_amount", "paid_on", "status"),
    Loan: ("status", "closed_on", "oldest_due"),
    LoanCommission: ("trail_from",),
}
Lines = Mapping[Any, Decimal]


class Books:
    """Open books. `held` is the money held for the borrower, `owed` what is owed less that, AUD."""

    def __init__(
        self,
        facts: Facts,
        store: Store,
        *,
        actor: Any,
        today: date,
        shares: Iterable[PaymentShare] = (),
        balances: Lines | None = None,
    ) -> None:
        self.facts = facts
        self.store = store
        self.actor = actor
        self.today = today
        self.balances: defaultdict[str, Decimal] = defaultdict(lambda: ZERO, balances or {})
        self.commission: LoanCommission | None = None  # once it is known, of this loan
        self._shares = {_place(row): row for row in shares}
        self._had_ended = facts.loan is not None and facts.loan.status != LoanStatus.ACTIVE
        self._changed: dict[type[models.Model], dict[int, models.Model]] = defaultdict(dict)

    @property
    def application(self) -> Application:
        """Whose books they are."""
        return self.facts.application

    @property
    def loan(self) -> Loan:
        """The settled loan."""
        assert self.facts.loan is not None
        return self.facts.loan

    @property
    def held(self) -> Decimal:
        """Money that was received and has paid nothing yet, AUD."""
        return -self.balances[Account.UNAPPLIED]

    @property
    def owed(self) -> Decimal:
        """What the ledger says is owed, less what is held, AUD."""
        return sum((self.balances[account] for account in OWED), ZERO)

    # --- entries ------------------------------------------------------------------------------

    def post(
        self, entry_type: EntryType, on: date, lines: Lines, description: str, **related: Any
    ) -> JournalEntry | None:
        """Write one entry of these amounts by account, debits positive; none when there is nothing in it."""
        amounts = {account: amount for account, amount in lines.items() if amount}
        if not amounts:
            return None
        for account, amount in amounts.items():
            self.balances[account] += amount
        entry = JournalEntry(
            application=self.application,
            entry_type=entry_type,
            entry_date=on,
            amount=sum((amount for amount in amounts.values() if amount > 0), ZERO),
            balance=self.owed,
            description=description[:500],
            created_by=self.actor,
            created_at=self.store.now(),
            **related,
        )
        self.store.add([entry])
        self.store.add([JournalLine(entry=entry, account=a, amount=v) for a, v in amounts.items()])
        return entry

    def charge(self, repayment: Repayment, on: date) -> None:
        """Put the interest of a repayment into the ledger; what is not to be paid with it joins the loan."""
        self.post(
            EntryType.INTEREST_CHARGED,
            on,
            {
                Account.INTEREST_RECEIVABLE: repayment.interest - repayment.capitalised,
                Account.LOAN_PRINCIPAL: repayment.capitalised,
                Account.INTEREST_INCOME: -repayment.interest,
            },
            f"Interest of repayment {repayment.number}, due {repayment.due_date}",
            repayment=repayment,
        )
        self.set(repayment, charged_on=on)

    # --- what follows from facts --------------------------------------------------------------

    def catch_up(self, until: date) -> int:
        """Let fall due what is due by a day, day by day, and apply money that waited for it; how many."""
        waiting = [row for row in self.facts.repayments if row.charged_on is None and row.due_date <= until]
        days = {row.due_date for row in waiting}
        days |= {fee.due_date for fee in self.facts.fees if fee.outstanding and fee.due_date <= until}
        for day in sorted(days):
            for row in waiting:
                if row.due_date == day and row.charged_on is None:
                    self.charge(row, day)
            if self.held:
                self.apply_held(day)
        return len(waiting)

    def apply_held(self, on: date) -> None:
        """Pay with money that is held what it can pay by now."""
        self.post(EntryType.PAYMENT_APPLIED, on, self.reallocate(on), "Money held, applied to what is due")

    def reallocate(self, until: date) -> dict[str, Decimal]:
        """Replay which money pays what, to the end of a day at least; return the change by account.

        Raises:
            RefundedAlready: money that was given back would be needed.
        """
        try:
            outcome = self.facts.allocation(max(until, self.facts.latest_money()))
        except RefundNotCovered:
            raise RefundedAlready() from None
        wanted = _merged(outcome)
        before = _by_component((row.component, row.amount) for row in self._shares.values())
        touched = self._keep(wanted)
        self._follow(touched, wanted)
        after = _by_component((share.component, share.amount) for share in wanted.values())
        moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for component, account in RECEIVABLE.items():
            paid = after[component] - before[component]
            moved[account] -= paid
            moved[Account.UNAPPLIED] += paid
        return dict(moved)

    def _keep(self, wanted: Mapping[tuple[int, Key, str], Share]) -> set[Key]:
        """Make the shares that are kept those that are wanted; return what they are shares of."""
        gone = [row for place, row in self._shares.items() if not _same(row, wanted.get(place))]
        fresh = {
            place: PaymentShare(
                payment_id=share.payment,
                component=share.component,
                amount=share.amount,
                applied_on=share.on,
                **{f"{share.key.kind}_id": share.key.pk},
            )
            for place, share in wanted.items()
            if not _same(self._shares.get(place), share)
        }
        touched = {_place(row)[1] for row in gone} | {key for _, key, _ in fresh}
        for row in gone:
            del self._shares[_place(row)]
        self.store.remove(gone)
        self.store.add(list(fresh.values()))
        self._shares.update(fresh)
        return touched

    def _follow(self, touched: set[Key], wanted: Mapping[tuple[int, Key, str], Share]) -> None:
        """Have repayments and fees say what was paid of them."""
        paid: dict[Key, dict[str, Decimal]] = {key: defaultdict(lambda: ZERO) for key in touched}
        last: dict[Key, date] = {}
        for (_, key, component), share in wanted.items():
            if key in touched:
                paid[key][component] += share.amount
                last[key] = max(share.on, last.get(key, share.on))
        for row in self.facts.repayments:
            key = Key("repayment", row.pk)
            if key in touched:
                if row.charged_on is None and key in last:
                    self.charge(row, min(last[key], row.due_date))
                parts = paid[key]
                self.set(row, interest_paid=parts["interest"], principal_paid=parts["principal"])
                self.set(row, paid_on=None if row.amount > row.paid_amount else last.get(key))
        for fee in self.facts.fees:
            key = Key("fee", fee.pk)
            if key in touched:
                self.set(fee, paid_amount=sum(paid[key].values(), ZERO))
                self.set(fee, paid_on=last.get(key) if not fee.outstanding else None)

    # --- the end of a piece of work ------------------------------------------------------------

    def set(self, row: models.Model, **values: Any) -> None:
        """Change columns of a row; they are written by `finish`."""
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                self._changed[type(row)][row.pk] = row

    def finish(self) -> None:
        """Have every status follow, and write what has changed."""
        soon = self.today + timedelta(days=DUE_SOON_DAYS)
        for row in self.facts.repayments:
            # Most of a loan lies far ahead, untouched.
            if row.due_date <= soon or row.status != RepaymentStatus.SCHEDULED or row.paid_amount:
                self.set(row, status=repayment_status(row, self.today))
        for fee in self.facts.fees:
            self.set(fee, status=fee_status(fee, self.today))
        if self.facts.loan is not None and self.facts.loan.status != LoanStatus.WRITTEN_OFF:
            self._follow_loan(self.facts.loan)
        if self.facts.loan is not None and (self._had_ended or self.facts.loan.status != LoanStatus.ACTIVE):
            follow_end(self)
        now = self.store.now()
        for model, rows in self._changed.items():
            for changed in rows.values():
                changed.updated_at = now  # type: ignore[attr-defined]
            names = (*FOLLOWING[model], *EDITED.get(model, ()), "updated_at")
            self.store.change(list(rows.values()), names)
        self._changed.clear()

    def _follow_loan(self, loan: Loan) -> None:
        unpaid = [row for row in self.facts.repayments if row.outstanding]
        overdue = [row.due_date for row in unpaid if row.due_date < self.today]
        self.set(loan, oldest_due=min(overdue, default=None))
        if unpaid or any(fee.outstanding for fee in self.facts.fees):
            self.set(loan, status=LoanStatus.ACTIVE, closed_on=None)
        elif loan.status == LoanStatus.ACTIVE:
            self.set(loan, status=LoanStatus.CLOSED, closed_on=self.last_paid())

    def last_paid(self) -> date:
        """The day on which the last thing was paid."""
        return max((row.applied_on for row in self._shares.values()), default=self.today)

    def principal_on(self, day: date) -> Decimal:
        """Principal at the end of a day, AUD, by all that is known now; until the loan ends."""
        lent = [row.advanced for row in self.facts.schedules if row.starts_on <= day]
        lent += [row.capitalised for row in self.facts.repayments if row.charged_on and row.charged_on <= day]
        repaid = [
            row.amount
            for row in self._shares.values()
            if row.component == Component.PRINCIPAL and row.applied_on <= day
        ]
        return sum(lent, ZERO) - sum(repaid, ZERO)

    def shares_of(self, payment: Payment) -> list[PaymentShare]:
        """What a payment pays."""
        return [row for row in self._shares.values() if row.payment_id == payment.pk]

    def tell(self, payload: Payload, subject: models.Model, to: Told = Told.EVERYBODY) -> None:
        """Write an event, and tell of it."""
        self.store.tell(payload, actor=self.actor, subject=subject, application=self.application, to=to)


# What else services change by `set`.
EDITED: dict[type[models.Model], tuple[str, ...]] = {
    Repayment: ("superseded_by", "superseded_on", "due_soon_told", "overdue_told"),
    Fee: ("fee_type", "description", "amount", "due_date", "waived_amount", "cancelled_at"),
}


def open_books(application: Application, *, actor: Any, today: date | None = None) -> Books:
    """Lock an application and read its books; call it in a transaction, and `finish` at the end.

    Every money service comes through here, so of two at once the second waits, and reads what the first left.
    """
    locked = Application.objects.lock().get(pk=application.pk)
    facts = read_facts(locked)
    return Books(
        facts,
        Database(),
        actor=actor,
        today=today or business_date(),
        shares=PaymentShare.objects.filter(payment__application=locked),
        balances=dict(AccountBalance.objects.filter(application=locked).values_list("account", "balance")),
    )


def repayment_status(row: Repayment, today: date) -> RepaymentStatus:
    """Where a repayment that was not superseded stands on a day."""
    if not row.outstanding:
        # Nothing to pay is paid when it is due.
        return RepaymentStatus.PAID if row.amount or row.due_date <= today else RepaymentStatus.SCHEDULED
    if row.paid_amount:
        return RepaymentStatus.PARTIAL
    if row.due_date < today:
        return RepaymentStatus.OVERDUE
    soon = row.due_date <= today + timedelta(days=DUE_SOON_DAYS)
    return RepaymentStatus.DUE_SOON if soon else RepaymentStatus.SCHEDULED


def fee_status(fee: Fee, today: date) -> FeeStatus:
    """Where a fee stands on a day."""
    if fee.status == FeeStatus.REFUNDED:
        return FeeStatus.REFUNDED
    if fee.outstanding:
        return FeeStatus.OVERDUE if fee.due_date < today else FeeStatus.PENDING
    return FeeStatus.PAID if fee.paid_amount else FeeStatus.WAIVED


def _place(row: PaymentShare) -> tuple[int, Key, str]:
    key = Key("fee", row.fee_id) if row.fee_id is not None else Key("repayment", row.repayment_id or 0)
    return row.payment_id, key, row.component


def _same(row: PaymentShare | None, share: Share | None) -> bool:
    if row is None or share is None:
        return False
    return (row.amount, row.applied_on) == (share.amount, share.on)


def _merged(outcome: Allocation) -> dict[tuple[int, Key, str], Share]:
    """One share for each payment and component of a due; the later day where it paid in two steps."""
    merged: dict[tuple[int, Key, str], Share] = {}
    for share in outcome.shares:
        place = (share.payment, share.key, share.component)
        amount = share.amount + (merged[place].amount if place in merged else ZERO)
        merged[place] = Share(share.payment, share.key, share.component, amount, share.on)
    return merged


def _by_component(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for component, amount in parts:
        totals[component] += amount
    return totals
