"""The open ledger of one application: entries that are posted, rows that change with them.

The ground that `books`, `accruals` and `commissions` stand on. Services open it by `books.open_books`, which
knows what has to follow when a fact changes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from applications.choices import Component
from applications.models import Application
from events.registry import Payload
from servicing.allocation import ZERO, Key
from servicing.choices import OWED, Account, EntryType
from servicing.models import (
    Commission,
    Fee,
    JournalEntry,
    JournalLine,
    Loan,
    LoanCommission,
    Payment,
    PaymentShare,
    Repayment,
)
from servicing.selectors.facts import Facts
from servicing.services.store import Store, Told

Lines = Mapping[Any, Decimal]
Place = tuple[int, Key, str]
# Columns that follow from shares and dates, and what else services change by `set`.
CHANGED: dict[type[models.Model], tuple[str, ...]] = {
    Repayment: (
        *("interest_paid", "principal_paid", "paid_on", "status", "charged_on"),
        *("superseded_by", "superseded_on", "due_soon_told", "overdue_told"),
    ),
    Fee: (
        *("paid_amount", "paid_on", "status"),
        *("fee_type", "description", "amount", "due_date", "waived_amount", "cancelled_at", "repayment"),
    ),
    Loan: ("status", "closed_on", "oldest_due", "accrued_to"),
    LoanCommission: ("trail_from",),
}


class OpenLedger:
    """`held` is the money held for the borrower, `owed` what is owed less that, AUD."""

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
        # Of this loan, once they are known: its commission terms, and what came of them beside trails.
        self.commission: LoanCommission | None = None
        self.commissions: list[Commission] | None = None
        self._shares = {place_of(row): row for row in shares}
        self._changed: dict[type[models.Model], dict[int, models.Model]] = defaultdict(dict)

    @property
    def application(self) -> Application:
        """Whose ledger it is."""
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

    def set(self, row: models.Model, **values: Any) -> None:
        """Change columns of a row; they are written by `write`."""
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                self._changed[type(row)][row.pk] = row

    def write(self) -> None:
        """Write the rows that have changed."""
        now = self.store.now()
        for model, rows in self._changed.items():
            for changed in rows.values():
                changed.updated_at = now  # type: ignore[attr-defined]
            self.store.change(list(rows.values()), (*CHANGED[model], "updated_at"))
        self._changed.clear()

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


def place_of(row: PaymentShare) -> Place:
    """What a share is a share of, by whom."""
    key = Key("fee", row.fee_id) if row.fee_id is not None else Key("repayment", row.repayment_id or 0)
    return row.payment_id, key, row.component
