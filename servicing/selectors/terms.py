"""The terms of a schedule as the engine takes them."""

from applications.choices import RepaymentFrequency
from servicing.models import ScheduleVersion
from servicing.schedule import DayCount, Frequency, Method, Rounding, RoundingMode, Terms, Unit

FREQUENCIES: dict[str, Frequency] = {
    RepaymentFrequency.WEEKLY: Frequency(Unit.WEEK, 1),
    RepaymentFrequency.FORTNIGHTLY: Frequency(Unit.WEEK, 2),
    RepaymentFrequency.MONTHLY: Frequency(Unit.MONTH, 1),
    RepaymentFrequency.QUARTERLY: Frequency(Unit.MONTH, 3),
    RepaymentFrequency.ANNUALLY: Frequency(Unit.MONTH, 12),
}


def terms_of(version: ScheduleVersion) -> Terms:
    """The terms of a schedule as the engine takes them."""
    return Terms(
        principal=version.principal,
        annual_rate=version.annual_rate,
        number_of_instalments=version.number_of_instalments,
        frequency=FREQUENCIES[version.frequency],
        start_date=version.starts_on,
        method=Method(version.method),
        day_count=DayCount(version.day_count),
        rounding=Rounding(RoundingMode(version.rounding), version.instalment_multiple),
        first_due_date=version.first_due_date,
        due_day=version.due_day,
        first_number=version.first_number,
        balloon=version.balloon,
        principal_grace_periods=version.principal_grace_periods,
        principal_percentage=version.principal_percentage,
        interest_brought_forward=version.interest_brought_forward,
    )
