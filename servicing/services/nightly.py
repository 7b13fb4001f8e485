"""The work of each business date: what falls due, trails, late fees, marks, reminders, and accruals.

In chunks of applications, each in a transaction that also says how far the run has come: a run that is killed
goes on where it was, and one that is done is not done again. Missed dates are made up in order.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateField, ExpressionWrapper, F, Q, QuerySet, Value
from django.utils import timezone

from applications.models import Application
from servicing.choices import UNPAID, FeeStatus, FeeType, LoanStatus, RepaymentStatus, RunStatus
from servicing.events import RepaymentDueSoon, RepaymentOverdue
from servicing.models import Fee, LoanCommission, NightlyRun, Repayment
from servicing.months import first_of
from servicing.services.books import DUE_SOON_DAYS, Books, open_books
from servicing.services.commissions import accrue_trail
from servicing.services.fees import charge_fee
from servicing.services.month_ends import accrue_loans, loans_to_accrue
from servicing.services.store import Told

CHUNK = 100
ACCRUED_AT_ONCE = 500
# Days late at which people are told: borrowers first, the BDM later.
TO_BORROWERS = (3, 7)
TO_BDM = (10,)

Report = Callable[[NightlyRun], None]


def nightly(
    until: date, *, report: Report = lambda run: None, may_go_on: Callable[[], bool] = lambda: True
) -> list[NightlyRun]:
    """Do the work of every business date that has not been done, up to one; return the runs.

    Args:
        until: the last business date; without any run before, the only one.
        report: called after each chunk.
        may_go_on: asked before each chunk; when it says no, the next call goes on from there.
    """
    runs = []
    for day in _missing_days(until):
        run, _ = NightlyRun.objects.get_or_create(business_date=day, defaults={"started_at": timezone.now()})
        runs.append(run)
        while run.status == RunStatus.RUNNING:
            if not may_go_on():
                return runs
            run = runs[-1] = _do_chunk(run)
            report(run)
    return runs


def _missing_days(until: date) -> Iterator[date]:
    last = NightlyRun.objects.filter(status=RunStatus.DONE).order_by("-business_date").first()
    unfinished = NightlyRun.objects.filter(status=RunStatus.RUNNING).order_by("business_date").first()
    day = until
    if unfinished is not None:
        day = unfinished.business_date
    elif last is not None:
        day = last.business_date + timedelta(days=1)
    while day <= until:
        yield day
        day += timedelta(days=1)


@transaction.atomic
def _do_chunk(run: NightlyRun) -> NightlyRun:
    # A second process waits here, and then goes on where this one came to.
    run = NightlyRun.objects.select_for_update().get(pk=run.pk)
    if run.status == RunStatus.DONE:
        return run
    if not STEPS[run.step](run):
        steps = list(STEPS)
        if run.step == steps[-1]:
            run.status, run.finished_at = RunStatus.DONE, timezone.now()
        else:
            run.step, run.reached = steps[steps.index(run.step) + 1], 0
    run.save()
    return run


def _work(run: NightlyRun) -> bool:
    """Do a chunk of the applications that something is to be done for; whether there may be more."""
    ids = list(applications_with_work(run.business_date, after=run.reached)[:CHUNK])
    for application in Application.objects.filter(pk__in=ids).order_by("pk"):
        _do_application(application, run)
        run.applications += 1
        run.reached = application.pk
    return len(ids) == CHUNK


def _accrue(run: NightlyRun) -> bool:
    """Accrue the ended month of a chunk of loans, those that were not done on the way."""
    loans = loans_to_accrue(run.business_date, after=run.reached)[:ACCRUED_AT_ONCE]
    ids = list(loans.values_list("application", flat=True))
    if ids:
        run.accrued += accrue_loans(ids, run.business_date)
        run.reached = ids[-1]
    return len(ids) == ACCRUED_AT_ONCE


# In this order; the first is done of a date that nothing was done of.
STEPS: dict[str, Callable[[NightlyRun], bool]] = {"": _work, "accruals": _accrue}


def applications_with_work(day: date, *, after: int = 0) -> Any:
    """Ids of the applications that a night has something to do for, in order."""
    late_by = ExpressionWrapper(
        Value(day, DateField()) - F("schedule__loan__late_fee_after_days"), output_field=DateField()
    )
    reminded = Q()
    for days in (*TO_BORROWERS, *TO_BDM):
        reminded |= Q(due_date__lte=day - timedelta(days=days), overdue_told__lt=days)
    repayments = Repayment.objects.filter(
        Q(charged_on=None, due_date__lte=day)
        | Q(status=RepaymentStatus.SCHEDULED)
        | Q(status=RepaymentStatus.DUE_SOON, due_date__lt=day)
        | Q(status=RepaymentStatus.PARTIAL, due_date__lt=day, schedule__loan__oldest_due=None)
        | Q(status=RepaymentStatus.DUE_SOON, due_soon_told=False)
        | reminded
        | Q(schedule__loan__late_fee__isnull=False, late_fees=None, due_date__lte=late_by),
        status__in=UNPAID,
        due_date__lte=day + timedelta(days=DUE_SOON_DAYS),
        schedule__loan__status=LoanStatus.ACTIVE,
        application__gt=after,
    )
    fees = Fee.objects.filter(
        status=FeeStatus.PENDING, due_date__lte=day, cancelled_at=None, application__gt=after
    ).exclude(application__loan__status=LoanStatus.WRITTEN_OFF)
    trails = trails_due(day).filter(application__gt=after)
    ids = repayments.values_list("application", flat=True).union(
        fees.values_list("application", flat=True), trails.values_list("application", flat=True)
    )
    return ids.order_by("application")


def trails_due(day: date) -> QuerySet[LoanCommission]:
    """Of open loans, those with a month that has ended and whose trail has not been worked out."""
    return LoanCommission.objects.filter(
        trail_from__lt=first_of(day), application__loan__status=LoanStatus.ACTIVE
    )


def _do_application(application: Application, run: NightlyRun) -> None:
    books = open_books(application, actor=None, today=run.business_date)
    # Cancelled ones count as well: what was taken back by a person is not charged again.
    charged = Fee.objects.filter(application=application, repayment__isnull=False)
    done = do_night(
        books,
        set(charged.values_list("repayment", flat=True)),
        trails_due(books.today).filter(application=application).first(),
    )
    run.charged += done[0]
    run.late_fees += done[1]
    run.reminders += done[2]


def do_night(
    books: Books, charged: set[int], commission: LoanCommission | None = None
) -> tuple[int, int, int]:
    """The night's work on open books: how many repayments fell due, late fees and reminders there were.

    Args:
        books: of the business date.
        charged: the ids of the repayments that a late fee has been charged for.
        commission: the terms of a loan with a trail to be worked out.
    """
    due, fees, reminders = books.catch_up(books.today), 0, 0
    loan = books.facts.loan
    if commission is not None:
        accrue_trail(books, commission, books.today)
    if loan is not None and loan.status == LoanStatus.ACTIVE:
        fees = charge_late_fees(books, charged)
        reminders = remind(books)
    books.finish()
    return due, fees, reminders


def charge_late_fees(books: Books, charged: set[int]) -> int:
    """Charge a late fee for each repayment that is late enough and had none; how many."""
    loan, today = books.loan, books.today
    if loan.late_fee is None:
        return 0
    late = [
        row
        for row in books.facts.repayments
        if (today - row.due_date).days >= loan.late_fee_after_days
        and row.outstanding
        and row.pk not in charged
    ]
    # Not before a refund: what was given back cannot have been needed for it.
    refunded = max((row.refunded_on for row in books.facts.refunds), default=today)
    for row in late:
        charge_fee(
            books,
            on=today,
            fee_type=FeeType.LATE,
            description=f"Repayment {row.number}, due {row.due_date}",
            amount=loan.late_fee,
            due_date=max(today, refunded),
            repayment=row,
        )
    return len(late)


def remind(books: Books) -> int:
    """Tell of repayments that fall due soon or are late, each step once; how many were told of."""
    told = 0
    soon = books.today + timedelta(days=DUE_SOON_DAYS)
    for row in books.facts.repayments:
        if row.due_date > soon or not row.outstanding:
            continue
        days_late = (books.today - row.due_date).days
        if -DUE_SOON_DAYS <= days_late <= 0 and not row.due_soon_told:
            told += 1
            books.set(row, due_soon_told=True)
            payload = RepaymentDueSoon(
                reference=books.application.reference_number,
                repayment_id=row.pk,
                amount=str(row.outstanding),
                due_date=row.due_date.isoformat(),
            )
            books.tell(payload, row, Told.BORROWERS_AND_BDM)
        steps = [step for step in (*TO_BORROWERS, *TO_BDM) if row.overdue_told < step <= days_late]
        if steps:
            told += 1
            books.set(row, overdue_told=steps[-1])
            _tell_overdue(books, row, days_late, steps)
    return told


def _tell_overdue(books: Books, row: Repayment, days_late: int, steps: list[int]) -> None:
    borrowers = any(step in TO_BORROWERS for step in steps)
    bdm = any(step in TO_BDM for step in steps)
    to = Told.BORROWERS_AND_BDM if borrowers and bdm else Told.BORROWERS if borrowers else Told.BDM
    payload = RepaymentOverdue(
        reference=books.application.reference_number,
        repayment_id=row.pk,
        outstanding=str(row.outstanding),
        due_date=row.due_date.isoformat(),
        days_late=days_late,
    )
    books.tell(payload, row, to)
