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

from applications.models import Application
from servicing.allocation import ZERO, Allocation, Key, RefundNotCovered, Share
from servicing.choices import RECEIVABLE, Account, EntryType, FeeStatus, LoanStatus, RepaymentStatus
from servicing.dates import business_date
from servicing.models import AccountBalance, Fee, Loan, PaymentShare, Repayment
from servicing.selectors.facts import read_facts
from servicing.services.accruals import accrue, charge, take_back
from servicing.services.commissions import follow_end
from servicing.services.errors import RefundedAlready
from servicing.services.ledger import OpenLedger, Place, place_of
from servicing.services.store import Database

DUE_SOON_DAYS = 7


class Books(OpenLedger):
    """Open books."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._had_ended = self.facts.loan is not None and self.facts.loan.status != LoanStatus.ACTIVE

    # --- what follows from facts --------------------------------------------------------------

    def catch_up(self, until: date) -> int:
        """Let fall due what is due by a day, day by day, and apply money that waited for it; how many.

        Interest is accrued by the close of each month before the day.
        """
        waiting = [row for row in self.facts.repayments if row.charged_on is None and row.due_date <= until]
        days = {row.due_date for row in waiting}
        days |= {fee.due_date for fee in self.facts.fees if fee.outstanding and fee.due_date <= until}
        for day in sorted(days):
            accrue(self, before=day)
            for row in waiting:
                if row.due_date == day and row.charged_on is None:
                    charge(self, row, day)
            if self.held:
                self.apply_held(day)
        accrue(self, before=until)
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

    def _keep(self, wanted: Mapping[Place, Share]) -> set[Key]:
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
        touched = {place_of(row)[1] for row in gone} | {key for _, key, _ in fresh}
        for row in gone:
            del self._shares[place_of(row)]
        self.store.remove(gone)
        self.store.add(list(fresh.values()))
        self._shares.update(fresh)
        return touched

    def _follow(self, touched: set[Key], wanted: Mapping[Place, Share]) -> None:
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
                    charge(self, row, min(last[key], row.due_date))
                parts = paid[key]
                self.set(row, interest_paid=parts["interest"], principal_paid=parts["principal"])
                self.set(row, paid_on=None if row.amount > row.paid_amount else last.get(key))
                if row.charged_on and row.due_date > self.today and not row.paid_amount:
                    take_back(self, row)
        for fee in self.facts.fees:
            key = Key("fee", fee.pk)
            if key in touched:
                self.set(fee, paid_amount=sum(paid[key].values(), ZERO))
                self.set(fee, paid_on=last.get(key) if not fee.outstanding else None)

    # --- the end of a piece of work ------------------------------------------------------------

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
        self.write()

    def _follow_loan(self, loan: Loan) -> None:
        unpaid = [row for row in self.facts.repayments if row.outstanding]
        overdue = [row.due_date for row in unpaid if row.due_date < self.today]
        self.set(loan, oldest_due=min(overdue, default=None))
        if unpaid or any(fee.outstanding for fee in self.facts.fees):
            self.set(loan, status=LoanStatus.ACTIVE, closed_on=None)
        elif loan.status == LoanStatus.ACTIVE:
            self.set(loan, status=LoanStatus.CLOSED, closed_on=self.last_paid())


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


def _same(row: PaymentShare | None, share: Share | None) -> bool:
    if row is None or share is None:
        return False
    return (row.amount, row.applied_on) == (share.amount, share.on)


def _merged(outcome: Allocation) -> dict[Place, Share]:
    """One share for each payment and component of a due; the later day where it paid in two steps."""
    merged: dict[Place, Share] = {}
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
