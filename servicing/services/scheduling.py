"""From the terms of a loan to its repayments, by the pure engine in `servicing.schedule`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from applications.choices import RepaymentFrequency
from applications.models import Application
from crm_backend.common.errors import InvalidInput
from servicing.choices import RepaymentStatus
from servicing.models import Repayment, ScheduleVersion
from servicing.schedule import Instalment, Schedule, ScheduleError, Terms
from servicing.schedule.terms import MAX_AMOUNT

PER_YEAR: dict[str, int] = {
    RepaymentFrequency.WEEKLY: 52,
    RepaymentFrequency.FORTNIGHTLY: 26,
    RepaymentFrequency.MONTHLY: 12,
    RepaymentFrequency.QUARTERLY: 4,
    RepaymentFrequency.ANNUALLY: 1,
}
# Where a fault of the engine's terms is in our requests.
FIELDS = {
    "number_of_instalments": "loan_term",
    "annual_rate": "interest_rate",
    "start_date": "settlement_date",
}


def number_of_instalments(months: int, frequency: str) -> int:
    """How many instalments a term has: the nearest whole number, at least one."""
    periods = Decimal(months) * PER_YEAR[frequency] / 12
    return max(1, int(periods.quantize(Decimal(1), ROUND_HALF_UP)))


def keep_terms(version: ScheduleVersion, terms: Terms) -> ScheduleVersion:
    """Put what the engine's terms say into a schedule."""
    version.principal = terms.principal
    version.annual_rate = terms.annual_rate
    version.number_of_instalments = terms.number_of_instalments
    version.starts_on = terms.start_date
    version.first_due_date = terms.first_due
    version.method, version.day_count = terms.method.value, terms.day_count.value
    version.rounding = terms.rounding.mode.value
    version.instalment_multiple = terms.rounding.instalment_multiple
    version.due_day, version.first_number = terms.kept_day, terms.first_number
    version.balloon, version.principal_grace_periods = terms.balloon, terms.principal_grace_periods
    if terms.principal_percentage is not None:
        version.principal_percentage = terms.principal_percentage.quantize(Decimal("0.0001"))
    version.interest_brought_forward = terms.interest_brought_forward
    return version


def repayments_of(
    application: Application,
    version: ScheduleVersion,
    schedule: Schedule,
    now: datetime,
    *,
    since: date | None = None,
) -> list[Repayment]:
    """The rows of a schedule; `since`: when the period began that the change of terms broke.

    Raises:
        InvalidInput: they come to more than the columns can hold.
    """
    if schedule.totals.total > MAX_AMOUNT:
        raise InvalidInput.field("loan_term", f"Its repayments would come to more than {MAX_AMOUNT:,} AUD.")
    rows, start = [], since or version.starts_on
    for instalment in schedule.instalments:
        rows.append(_repayment(application, version, instalment, start, now))
        start = instalment.due_date
    return rows


def _repayment(
    application: Application, version: ScheduleVersion, row: Instalment, start: date, now: datetime
) -> Repayment:
    return Repayment(
        application=application,
        schedule=version,
        number=row.number,
        period_start=start,
        due_date=row.due_date,
        amount=row.total,
        interest=row.interest,
        principal=row.principal,
        balance_after=row.balance,
        status=RepaymentStatus.SCHEDULED,
        created_at=now,
        updated_at=now,
    )


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine refuses into an error of the field at fault."""
    try:
        yield
    except ScheduleError as error:
        raise InvalidInput.field(FIELDS.get(error.field, error.field), error.message) from None
