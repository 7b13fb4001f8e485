"""Books for reports, written as rows, and their figures worked out naively in Python."""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from applications.models import Application, StageChange
from servicing.models import AccountBalance, Loan, Repayment, ScheduleVersion
from tests.factories import ApplicationFactory, BdmFactory, BranchFactory, BrokerFactory

SYDNEY = ZoneInfo("Australia/Sydney")


def opened(moment: datetime, **fields: Any) -> Application:
    """An application that was opened at a moment."""
    application: Application = ApplicationFactory.create(stage_entered_at=moment, **fields)
    Application.objects.filter(pk=application.pk).update(created_at=moment)
    application.created_at = moment
    return application


def loan_of(application: Application, principal: str, settled_on: date, rate: str = "6") -> ScheduleVersion:
    """An open loan with its schedule and balance; repayments are added to it."""
    now = timezone.now()
    loan = Loan.objects.create(application=application, settled_on=settled_on, allocation_order=["interest"])
    AccountBalance.objects.create(
        application=application, account="loan_principal", balance=Decimal(principal)
    )
    return ScheduleVersion.objects.create(
        loan=loan, version=1, starts_on=settled_on, first_due_date=settled_on, number_of_instalments=12,
        principal=Decimal(principal), annual_rate=Decimal(rate), frequency="monthly",
        method="equal_instalments", day_count="act_365", rounding="half_up", created_at=now,
    )  # fmt: skip


def repayment(
    version: ScheduleVersion, number: int, due: date, amount: str, paid: str = "0", on: date | None = None
) -> Repayment:
    """A repayment of principal; with `on`, it is paid in full by then."""
    return Repayment.objects.create(
        application_id=version.loan.application_id, schedule=version, number=number, period_start=due,
        due_date=due, amount=Decimal(amount), principal=Decimal(amount), interest=0,
        principal_paid=Decimal(amount) if on else Decimal(paid), paid_on=on,
        status="paid" if on else "scheduled",
    )  # fmt: skip


def random_book(seed: int, today: date) -> list[Any]:
    """People and about forty applications with loans, on days around month ends and leap days."""
    chance = random.Random(seed)
    branches = [BranchFactory() for _ in range(2)]
    bdms = [BdmFactory(branch=branches[n % 2]) for n in range(3)]
    brokers = [BrokerFactory(branch=branches[n % 2]) for n in range(3)]
    stages = ["inquiry", "formal_approval", "settled", "closed", "declined", "withdrawn"]
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 12, 31), date(2025, 1, 1)]
    for _ in range(40):
        day = chance.choice([*days, today - timedelta(days=chance.randrange(400))])
        hour, minute = chance.choice([(0, 0), (9, 59), (10, 30), (23, 59)])
        stage = chance.choice(stages)
        application = opened(
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=SYDNEY),
            stage=stage,
            came_from=chance.choice(["inquiry", "formal_approval"]) if stage in stages[4:] else "",
            loan_amount=Decimal(chance.randrange(1, 10**8)) / 100,
            broker=chance.choice([*brokers, None]),
            bd=chance.choice([*bdms, None]),
            branch=chance.choice([*branches, None]),
        )
        if chance.random() < 0.5:
            StageChange.objects.create(
                application=application, from_stage="inquiry", to_stage=stage,
                changed_at=application.created_at, seconds_in_stage=chance.randrange(10**6),
            )  # fmt: skip
        if stage == "settled":
            version = loan_of(application, str(chance.randrange(1, 10**6)), day)
            for number in range(chance.randrange(8)):
                due = today + timedelta(days=chance.choice([-91, -90, -61, -60, -31, -30, -1, 0, 1, 40]))
                late = chance.choice([None, -1, 0, 1, 20])
                paid = None if late is None else due + timedelta(days=late)
                repayment(version, number + 1, due, str(chance.randrange(50, 900)), "20.55", paid)
    return [*branches, *bdms, *brokers]


def naive(
    applications: list[Application], first: date | None, last: date | None, today: date
) -> dict[str, Any]:
    """Some figures of four reports, row by row."""

    def inside(day: date) -> bool:
        return (first is None or day >= first) and (last is None or day <= last)

    mine = [row for row in applications if inside(row.created_at.astimezone(SYDNEY).date())]
    ids = [row.pk for row in applications]
    due = [
        row
        for row in Repayment.objects.filter(application__in=ids).exclude(status="superseded")
        if inside(row.due_date) and (row.status == "paid" or row.due_date < today)
    ]
    on_time = [row for row in due if row.paid_on and row.paid_on <= row.due_date]
    late = [row for row in due if row.paid_on and row.paid_on > row.due_date]
    reached = [row for row in mine if row.is_approved]
    settled = [row for row in mine if row.stage in ("settled", "closed")]
    stays = StageChange.objects.filter(application__in=[row.pk for row in mine]).exclude(from_stage="")
    seconds = [row.seconds_in_stage for row in stays]
    return {
        "total_applications": len(mine),
        "total_loan_amount": sum((row.loan_amount for row in mine), Decimal(0)),
        "settled": len(settled),
        "approved_rate": round_half_up(len(reached), len(mine)),
        "days_in_inquiry": hundredth(Decimal(sum(seconds)) / 86400 / len(seconds)) if seconds else None,
        "total_repayments": len(due),
        "paid_on_time": len(on_time),
        "paid_late": len(late),
        "missed": len(due) - len(on_time) - len(late),
        "days_late": sum((row.paid_on - row.due_date).days for row in late),
        "due": sum((row.amount for row in due), Decimal(0)),
        "paid": sum((row.interest_paid + row.principal_paid for row in due), Decimal(0)),
    }


def naive_brokers(
    applications: list[Application], first: date | None, last: date | None, listed: int
) -> dict[str, Any]:
    """What brokers brought, row by row; of so many of them in their order."""
    found: dict[int, list[Any]] = {}
    for row in applications:
        day = row.created_at.astimezone(SYDNEY).date()
        if row.broker_id is None or (first and day < first) or (last and day > last):
            continue
        sums = found.setdefault(row.broker_id, [Decimal(0), Decimal(0), 0, 0, 0, 0])
        lent = row.stage in ("settled", "closed")
        sums[0] += row.loan_amount if lent else 0
        sums[1] += row.loan_amount
        for place, counts in enumerate((True, lent, row.stage == "declined", row.is_approved), 2):
            sums[place] += counts
    order = sorted(found, key=lambda pk: (-found[pk][0], -found[pk][1], pk))
    return {
        "brokers": len(found),
        "total": [sum(sums[place] for sums in found.values()) for place in range(5)],
        "listed": [(pk, *found[pk][:5], round_half_up(found[pk][5], found[pk][2])) for pk in order[:listed]],
    }


def naive_arrears(applications: list[Application], today: date) -> dict[str, list[Any]]:
    """Loans and principal by bucket, row by row."""
    found: dict[str, list[Any]] = {}
    for loan in Loan.objects.filter(application__in=applications):
        unpaid = [row.due_date for row in loan.application.repayments.all() if row.status != "paid"]
        days = max([(today - day).days for day in unpaid] + [0])
        name = "current"
        for least, bucket in ((1, "1-30"), (31, "31-60"), (61, "61-90"), (91, "90+")):
            name = bucket if days >= least else name
        row = found.setdefault(name, [0, Decimal(0)])
        row[0] += 1
        row[1] += loan.application.account_balances.get().balance
    return found


def hundredth(value: Decimal) -> Decimal:
    """Two places, half up, without the code under test."""
    return (value * 100 + Decimal("0.5")) // 1 / 100


def round_half_up(part: int, whole: int) -> Decimal | None:
    """Percent, half up."""
    return hundredth(Decimal(part) * 100 / whole) if whole else None
