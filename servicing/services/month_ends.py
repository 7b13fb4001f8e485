"""The interest of ended months, of many loans at once.

In the first night of a month every open loan has interest to accrue. It needs little of a loan: the repayment
that is running, and the terms. So a chunk is read, worked out and written in a dozen statements altogether.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet

from applications.models import Application
from servicing.choices import LoanStatus, RepaymentStatus
from servicing.models import AccountBalance, Loan, Repayment, ScheduleVersion
from servicing.months import first_of
from servicing.selectors.facts import Facts
from servicing.services.accruals import accrue
from servicing.services.books import open_books
from servicing.services.ledger import OpenLedger
from servicing.services.store import Database

Rows = dict[int, list[Any]]


class Batch(Database):
    """Keeps what is written, by model, and writes it at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._new: defaultdict[type[models.Model], list[models.Model]] = defaultdict(list)
        self._edited: defaultdict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]]
        self._edited = defaultdict(list)

    def add(self, rows: Sequence[models.Model]) -> None:
        """Keep them; they have no keys before `flush`."""
        for row in rows:
            self._new[type(row)].append(row)

    def change(self, rows: Sequence[models.Model], names: Sequence[str]) -> None:
        """Keep them."""
        for row in rows:
            self._edited[type(row), tuple(names)].append(row)

    def flush(self) -> None:
        """Write all, entries before their lines."""
        for rows in self._new.values():
            super().add(rows)
        for (_, names), rows in self._edited.items():
            super().change(rows, names)


def loans_to_accrue(day: date, *, after: int = 0) -> QuerySet[Loan]:
    """Of open loans, those with a month that ended before a day and was not accrued, by application."""
    close = first_of(day) - timedelta(days=1)
    return Loan.objects.filter(
        Q(accrued_to=None) | Q(accrued_to__lt=close),
        status=LoanStatus.ACTIVE,
        settled_on__lte=close,
        application__gt=after,
    ).order_by("application")


def accrue_loans(ids: Sequence[int], day: date) -> int:
    """Accrue the months that ended before a day of the loans of these applications; how many entries."""
    applications = list(Application.objects.lock().filter(pk__in=ids).order_by("pk"))
    # Read under the lock: what another has closed or changed since is left to what it did.
    loans = {loan.application_id: loan for loan in loans_to_accrue(day).filter(application__in=ids)}
    repayments = Repayment.objects.exclude(status=RepaymentStatus.SUPERSEDED).filter(
        application__in=loans, charged_on=None, period_start__lt=day
    )
    running = _by("application_id", repayments.order_by("due_date", "id"))
    schedules = _by("loan_id", ScheduleVersion.objects.filter(loan__in=loans.values()).order_by("version"))
    balances = _by("application_id", AccountBalance.objects.filter(application__in=loans))
    batch, posted = Batch(), 0
    for application in applications:
        if application.pk not in loans:
            continue
        loan, rows = loans[application.pk], running[application.pk]
        if any(row.due_date <= day for row in rows):
            posted += _accrue_alone(application, day)
            continue
        facts = Facts(application, loan=loan, repayments=rows, schedules=schedules[loan.pk])
        kept = {row.account: row.balance for row in balances[application.pk]}
        ledger = OpenLedger(facts, batch, actor=None, today=day, balances=kept)
        posted += accrue(ledger, before=day)
        ledger.write()
    batch.flush()
    return posted


def _accrue_alone(application: Application, day: date) -> int:
    """What has fallen due meanwhile is charged in its order with the months."""
    books = open_books(application, actor=None, today=day)
    before = books.loan.accrued_to
    books.catch_up(day)
    books.finish()
    return int(books.loan.accrued_to != before)


def _by(name: str, rows: QuerySet[Any]) -> Rows:
    found: Rows = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
