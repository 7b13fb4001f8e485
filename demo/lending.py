"""The money of a story: the same books that the services keep, written to the book's writer and log.

Settlement, payments and nights are the services' own functions; only where rows go is another. Nights are
done on the days on which they can find something to do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db import models

from applications.models import Application
from demo.eventlog import EventLog
from demo.repaying import night_of
from demo.story import Paid, PaidOut, Settlement, WrittenOff
from demo.writer import Writer
from events.registry import Payload
from servicing.choices import FeeType, LoanStatus, PaymentMethod
from servicing.dates import business_date
from servicing.models import CommissionTerms, Fee, LoanCommission, Repayment
from servicing.months import first_of, next_month
from servicing.selectors.facts import Facts
from servicing.services.books import DUE_SOON_DAYS, Books
from servicing.services.changes import pay_out, write_off
from servicing.services.nightly import TO_BDM, TO_BORROWERS, do_night
from servicing.services.payments import receive, tell_paid_out
from servicing.services.referrals import Referral
from servicing.services.settlement import settle
from servicing.services.store import Told

GIVEN_UP = "Nothing was paid for four months."


class WriterStore:
    """Keeps rows in the book's writer, and events in its log."""

    def __init__(self, writer: Writer, log: EventLog, people: dict[Told, set[int]]) -> None:
        self.writer, self.log, self.people = writer, log, people
        self.at: datetime | None = None

    def now(self) -> datetime:
        """The moment of the story."""
        assert self.at is not None
        return self.at

    def add(self, rows: Sequence[models.Model]) -> None:
        """Keep them."""
        for row in rows:
            self.writer.add(row)

    def change(self, rows: Sequence[models.Model], names: Sequence[str]) -> None:
        """They are written as they are when the chunk is."""

    def remove(self, rows: Sequence[models.Model]) -> None:
        """Forget them."""
        for row in rows:
            self.writer.remove(row)

    def tell(
        self, payload: Payload, *, actor: Any, subject: models.Model, application: Application, to: Told
    ) -> None:
        """Log it."""
        self.log.tell(
            payload,
            at=self.now(),
            actor=actor,
            subject=subject,
            application_id=application.pk,
            recipients=self.people.get(to, ()),
        )


class Lending:
    """The loan of one story, from its settlement on."""

    def __init__(
        self,
        application: Application,
        store: WriterStore,
        step: Settlement,
        offer: CommissionTerms | None,
        referral: Referral | None,
    ) -> None:
        self.store = store
        store.at = step.at
        today = business_date(step.at)
        self.books = Books(Facts(application), store, actor=step.actor, today=today)
        settle(self.books, on=today, fees=step.fees, commission=offer, referral=referral)
        self.books.catch_up(today)
        self.books.finish()
        self.charged: set[int] = set()
        self._nights = self._days(self.books.facts.repayments, store.log.end)

    def pay(self, step: Paid) -> None:
        """As `servicing.services.payments.payment_record`."""
        self._go_to(step.at, step.actor)
        amount = amount_of(self.books.facts.repayments, self.books.facts.fees, step)
        receive(
            self.books,
            amount=amount,
            received_on=self.books.today,
            method=PaymentMethod.DIRECT_DEBIT,
        )
        self.books.finish()
        tell_paid_out(self.books)

    def pay_out(self, step: PaidOut) -> None:
        """As `servicing.services.changes.loan_pay_out`."""
        self._go_to(step.at, step.actor)
        self.books.catch_up(self.books.today)
        pay_out(self.books, on=self.books.today, method=PaymentMethod.BANK_TRANSFER)
        self.books.finish()
        tell_paid_out(self.books)

    def write_off(self, step: WrittenOff) -> None:
        """As `servicing.services.changes.loan_write_off`."""
        self._go_to(step.at, step.actor)
        self.books.catch_up(self.books.today)
        write_off(self.books, reason=GIVEN_UP)
        self.books.finish()

    def go_on(self, until: datetime) -> None:
        """Do the nights before a moment."""
        while self._nights and night_of(self._nights[-1][0]) < until:
            day, rows = self._nights.pop()
            idle = day.day != 1 and all(row.charged_on is not None and not row.outstanding for row in rows)
            if idle or self.books.loan.status != LoanStatus.ACTIVE:
                continue
            self.store.at = night_of(day)
            self.books.actor, self.books.today = None, day
            fees = len(self.books.facts.fees)
            do_night(self.books, self.charged, self._trail_due(day))
            self.charged |= {fee.repayment_id for fee in self.books.facts.fees[fees:] if fee.repayment_id}

    def _trail_due(self, day: date) -> LoanCommission | None:
        """As `servicing.services.nightly.trails_due`."""
        terms = self.books.commission
        due = terms is not None and terms.trail_from is not None and terms.trail_from < first_of(day)
        return terms if due else None

    def _go_to(self, at: datetime, actor: Any) -> None:
        self.go_on(at)
        self.store.at = at
        self.books.actor, self.books.today = actor, business_date(at)

    def _days(self, rows: Sequence[Repayment], end: datetime) -> list[tuple[date, list[Repayment]]]:
        """The days on which a night may find something to do for these rows, the last one first."""
        late = self.books.loan.late_fee_after_days
        offsets = {-DUE_SOON_DAYS, 0, 1, late, late + 1, *TO_BORROWERS, *TO_BDM}
        days: defaultdict[date, list[Repayment]] = defaultdict(list)
        for row in rows:
            for offset in offsets:
                days[row.due_date + timedelta(days=offset)].append(row)
        # What was due soon when it was settled is told of in the first night.
        tomorrow = self.books.today + timedelta(days=1)
        days[tomorrow] += [row for row in rows if row.due_date <= tomorrow + timedelta(days=DUE_SOON_DAYS)]
        # A month that has ended is accrued, and its trail worked out, until the book or the loan ends.
        month = next_month(self.books.today)
        while night_of(month) < end:
            days[month] += ()
            month = next_month(month)
        nights = ((day, rows) for day, rows in days.items() if day >= tomorrow)
        return sorted(nights, key=itemgetter(0), reverse=True)


def amount_of(rows: Iterable[Repayment], fees: Iterable[Fee], step: Paid) -> Any:
    """What a step pays, AUD: its part of the repayment, and the late fees that are open by then."""
    row = next(row for row in rows if row.number == step.number)
    late = sum(fee.outstanding for fee in fees if fee.fee_type == FeeType.LATE)
    return (row.amount * step.part).quantize(row.amount) + late
