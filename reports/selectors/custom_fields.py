"""What custom reports are made of: their dimensions, measures and filters; `custom_sources` has the one list.

A name that is not here does not reach a query. Each is an expression over the rows of its source, and says in
words what it is; `GET /api/reports/custom/fields/` shows the list, and replies repeat the words for what they
hold.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import (
    Avg,
    CharField,
    Count,
    DateField,
    DecimalField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import (
    Coalesce,
    Extract,
    Now,
    NullIf,
    TruncDate,
    TruncMonth,
    TruncQuarter,
    TruncYear,
)

from applications.choices import ApplicationType, RepaymentFrequency, Stage
from applications.models import Application, Product, Security
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.australia import State
from reports.shapes import Kind
from servicing.choices import OWED, UNPAID, LoanStatus, RepaymentStatus
from servicing.dates import business_date, business_zone
from servicing.models import AccountBalance, Repayment

MONEY = DecimalField(max_digits=20, decimal_places=2)
# Means are rounded once, when they are shown.
MONEY_MEAN = DecimalField(max_digits=30, decimal_places=10)
RATE = DecimalField(max_digits=30, decimal_places=10)
SECONDS_IN_DAY = 86_400


class Takes(StrEnum):
    """What a filter on a field is given."""

    VALUES = "values"  # some of its values
    DATES = "dates"  # from and to, or a period
    AMOUNTS = "amounts"  # from and to


Names = Callable[[Sequence[Any]], Mapping[Any, str]]


@dataclass(frozen=True)
class Dimension:
    """What rows are grouped by; `label` is what people read for a value.

    `names` finds labels after the grouping, for values that are ids.
    """

    name: str
    title: str
    expression: Callable[[], Any]
    definition: str
    choices: Mapping[str, str] | None = None
    names: Names | None = None
    kind: Kind = Kind.TEXT
    date_format: str = ""

    @property
    def is_id(self) -> bool:
        """Whether its values are ids of rows."""
        return self.names is not None

    @property
    def takes(self) -> Takes | None:
        """What a filter on it is given; parts of dates are filtered by their date."""
        return Takes.VALUES if self.choices is not None or self.is_id else None


@dataclass(frozen=True)
class Measure:
    """A figure of a group of rows, and its definition."""

    name: str
    title: str
    kind: Kind
    aggregate: Callable[[], Any]
    definition: str
    places: int = 2


@dataclass(frozen=True)
class Range:
    """A field that is filtered by from and to, both inclusive."""

    name: str
    title: str
    takes: Takes
    expression: Callable[[], Any]
    definition: str


@dataclass(frozen=True)
class Source:
    """Rows that a report is over, and what can be asked of them."""

    name: str
    title: str
    definition: str
    rows: Callable[[], QuerySet[Any]]
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    ranges: Mapping[str, Range]


def by_name(*fields: Any) -> dict[str, Any]:
    """What is declared, by its name."""
    return {field.name: field for field in fields}


def names_by_id(rows: Callable[[], QuerySet[Any]], *columns: str) -> Names:
    """Names of rows by id, in one query for all of them."""

    def find(ids: Sequence[Any]) -> dict[Any, str]:
        found = rows().filter(pk__in=ids).values_list("pk", *columns)
        return {pk: " ".join(part for part in parts if part) for pk, *parts in found}

    return find


BROKER_NAMES = names_by_id(Broker.objects.order_by, "first_name", "last_name")
BDM_NAMES = names_by_id(Bdm.objects.order_by, "user__first_name", "user__last_name")
BRANCH_NAMES = names_by_id(Branch.objects.order_by, "name")
PRODUCT_NAMES = names_by_id(Product.objects.order_by, "name")


def parts_of(name: str, title: str, path: str, *, is_moment: bool) -> list[Dimension]:
    """Month, quarter and year of a date; of a moment, by the lender's own time."""
    where = f" in {settings.BUSINESS_TIME_ZONE}" if is_moment else ""
    options: dict[str, Any] = {"tzinfo": business_zone()} if is_moment else {}

    def part(truncate: Any) -> Callable[[], Any]:
        return lambda: truncate(path, output_field=DateField(), **options)

    return [
        Dimension(
            f"{name}_{unit}",
            f"{title}, {unit}",
            part(truncate),
            f"The {unit} of this date{where}, by its first day.",
            kind=Kind.DATE,
            date_format=form,
        )
        for unit, truncate, form in (
            ("month", TruncMonth, "%b %Y"),
            ("quarter", TruncQuarter, "Q"),
            ("year", TruncYear, "%Y"),
        )
    ]


def _people(prefix: str) -> list[Dimension]:
    """Who looks after an application."""
    return [
        Dimension(
            "branch",
            "Branch",
            lambda: F(f"{prefix}branch_id"),
            "The application's branch.",
            names=BRANCH_NAMES,
        ),
        Dimension(
            "broker",
            "Broker",
            lambda: F(f"{prefix}broker_id"),
            "The application's broker.",
            names=BROKER_NAMES,
        ),
        Dimension("bdm", "BDM", lambda: F(f"{prefix}bd_id"), "The application's BDM.", names=BDM_NAMES),
        Dimension(
            "product",
            "Product",
            lambda: F(f"{prefix}product_id"),
            "The application's product.",
            names=PRODUCT_NAMES,
        ),
        Dimension(
            "application_type",
            "Type",
            lambda: F(f"{prefix}application_type"),
            "The application's type.",
            choices=dict(ApplicationType.choices),
        ),
        Dimension(
            "state",
            "State",
            lambda: F(f"{prefix}branch__state"),
            "The state of the application's branch.",
            choices=dict(State.choices),
        ),
    ]


# --- Applications -------------------------------------------------------------------------------

LENT = "loan_amount, or approved_amount once the lender has set it"
BANDS: dict[str, str] = {
    "to_60": "Up to 60 %",
    "to_70": "Over 60 to 70 %",
    "to_80": "Over 70 to 80 %",
    "to_90": "Over 80 to 90 %",
    "over_90": "Over 90 %",
}


def _lent() -> Any:
    return Coalesce("approved_amount", "loan_amount")


def _lvr_band() -> Any:
    """One look at the securities of a row; the bands end with their upper edge, so it counts from above."""
    values = Security.objects.filter(application=OuterRef("pk")).order_by().values("application")
    worth = Subquery(
        values.annotate(worth=Sum(Coalesce("valuation_amount", "value"))).values("worth"), output_field=MONEY
    )
    percent = ExpressionWrapper(_lent() * 100 / worth, output_field=RATE)
    return Func(
        percent,
        template="(ARRAY['over_90', 'to_90', 'to_80', 'to_70', 'to_60'])"
        "[width_bucket(-(%(expressions)s), ARRAY[-90, -80, -70, -60]::numeric[]) + 1]",
        output_field=CharField(),
    )


def _owed() -> Any:
    owed = AccountBalance.objects.filter(application=OuterRef("pk"), account__in=OWED)
    total = owed.order_by().values("application").annotate(total=Sum("balance")).values("total")
    return Coalesce(Subquery(total, output_field=MONEY), Value(0), output_field=MONEY)


def _weighted_rate() -> Any:
    weighted = Sum(ExpressionWrapper(F("interest_rate") * _lent(), output_field=RATE))
    return ExpressionWrapper(weighted / NullIf(Sum(_lent()), Value(0), output_field=MONEY), output_field=RATE)


def _days_in_stage() -> Any:
    elapsed = ExpressionWrapper(Now() - F("stage_entered_at"), output_field=DurationField())
    days = ExpressionWrapper(Extract(elapsed, "epoch") / SECONDS_IN_DAY, output_field=RATE)
    return Avg(days, output_field=RATE)


def amounts_of(name: str, title: str, expression: Callable[[], Any], words: str) -> list[Measure]:
    """Sum, average, least and greatest of an amount."""
    ways: tuple[tuple[str, str, Any, str], ...] = (
        ("total", "Total", Sum, "Sum"),
        ("average", "Average", Avg, "Mean"),
        ("smallest", "Smallest", Min, "Least"),
        ("largest", "Largest", Max, "Greatest"),
    )
    return [
        Measure(
            f"{way}_{name}",
            f"{word} {title}",
            Kind.MONEY,
            lambda aggregate=aggregate: aggregate(expression(), output_field=MONEY_MEAN),  # type: ignore[misc]
            f"{meaning} of {words}, AUD.",
        )
        for way, word, aggregate, meaning in ways
    ]


APPLICATIONS = Source(
    "applications",
    "Applications",
    "Every application that the reader may see, whatever its stage.",
    Application.objects.order_by,
    by_name(
        Dimension(
            "stage", "Stage", lambda: F("stage"), "The stage it is in now.", choices=dict(Stage.choices)
        ),
        *_people(""),
        Dimension(
            "repayment_frequency",
            "Repayments",
            lambda: F("repayment_frequency"),
            "How often an instalment is to fall due.",
            choices=dict(RepaymentFrequency.choices),
        ),
        Dimension(
            "loan_status",
            "Loan",
            lambda: F("loan__status"),
            "Where its loan stands; none before settlement.",
            choices=dict(LoanStatus.choices),
        ),
        Dimension(
            "lvr_band",
            "LVR",
            _lvr_band,
            f"{LENT}, in percent of the valuations, or stated values, of its securities; none without one.",
            choices=BANDS,
        ),
        *parts_of("created", "Created", "created_at", is_moment=True),
        *parts_of("settled", "Settled", "loan__settled_on", is_moment=False),
    ),
    by_name(
        Measure("count", "Applications", Kind.COUNT, lambda: Count("pk"), "Number of applications."),
        Measure(
            "settled_count",
            "Settled",
            Kind.COUNT,
            lambda: Count("pk", filter=Q(loan__isnull=False)),
            "Applications that became a loan, whatever became of that.",
        ),
        *amounts_of(
            "loan_amount", "loan amount", lambda: F("loan_amount"), "loan_amount, what was asked for"
        ),
        *amounts_of("amount_to_lend", "amount to lend", _lent, LENT),
        Measure(
            "weighted_rate",
            "Weighted rate",
            Kind.PERCENT,
            _weighted_rate,
            f"Mean of interest_rate, percent per annum, each weighted by {LENT}.",
            places=4,
        ),
        Measure(
            "average_days_in_stage",
            "Days in stage",
            Kind.DAYS,
            _days_in_stage,
            "Mean of the days, of 24 hours, since each entered the stage it is in.",
        ),
        Measure(
            "outstanding_balance",
            "Outstanding balance",
            Kind.MONEY,
            lambda: Sum(_owed(), output_field=MONEY_MEAN),
            "What is owed by the ledger, AUD: principal, interest that fell due, fees and penalties, "
            "less money not applied.",
        ),
    ),
    by_name(
        Range(
            "created_on",
            "Created on",
            Takes.DATES,
            lambda: TruncDate("created_at", tzinfo=business_zone()),
            f"Its day of creation in {settings.BUSINESS_TIME_ZONE}.",
        ),
        Range("settled_on", "Settled on", Takes.DATES, lambda: F("loan__settled_on"), "Its settlement."),
        Range("loan_amount", "Loan amount", Takes.AMOUNTS, lambda: F("loan_amount"), "AUD."),
        Range("amount_to_lend", "Amount to lend", Takes.AMOUNTS, _lent, f"AUD: {LENT}."),
    ),
)


# --- Repayments ---------------------------------------------------------------------------------


def _paid() -> Any:
    return F("interest_paid") + F("principal_paid")


def _overdue() -> Q:
    return Q(status__in=UNPAID, due_date__lt=business_date())


def _days_late() -> Any:
    late = ExpressionWrapper(F("paid_on") - F("due_date"), output_field=DurationField())
    days = ExpressionWrapper(Extract(late, "epoch") / SECONDS_IN_DAY, output_field=RATE)
    return Avg(days, filter=Q(status=RepaymentStatus.PAID, paid_on__gt=F("due_date")), output_field=RATE)


def _sum(expression: Any, only: Q | None = None) -> Any:
    total = Sum(expression, filter=only, output_field=MONEY_MEAN)
    return Coalesce(total, Value(0), output_field=MONEY_MEAN)


def _count(only: Q | None = None) -> Any:
    return Count("pk", filter=only)


REPAYMENTS = Source(
    "repayments",
    "Repayments",
    "Every scheduled repayment of loans that the reader may see; superseded ones are left out.",
    lambda: Repayment.objects.exclude(status=RepaymentStatus.SUPERSEDED).order_by(),
    by_name(
        Dimension(
            "status",
            "Status",
            lambda: F("status"),
            "Where it stands now.",
            choices={
                value: label
                for value, label in RepaymentStatus.choices
                if value != RepaymentStatus.SUPERSEDED
            },
        ),
        *_people("application__"),
        *parts_of("due", "Due", "due_date", is_moment=False),
    ),
    by_name(
        Measure("count", "Repayments", Kind.COUNT, _count, "Number of repayments."),
        Measure("amount_due", "Due", Kind.MONEY, lambda: _sum(F("amount")), "Sum of their amounts, AUD."),
        Measure("amount_paid", "Paid", Kind.MONEY, lambda: _sum(_paid()), "What was paid of them, AUD."),
        Measure(
            "arrears",
            "Arrears",
            Kind.MONEY,
            lambda: _sum(F("amount") - _paid(), _overdue()),
            "What is unpaid of those due before today, AUD.",
        ),
        Measure(
            "overdue_count", "Overdue", Kind.COUNT, lambda: _count(_overdue()), "Unpaid, due before today."
        ),
        Measure(
            "paid_on_time",
            "Paid on time",
            Kind.COUNT,
            lambda: _count(Q(status=RepaymentStatus.PAID, paid_on__lte=F("due_date"))),
            "Paid in full by the due date.",
        ),
        Measure(
            "paid_late",
            "Paid late",
            Kind.COUNT,
            lambda: _count(Q(status=RepaymentStatus.PAID, paid_on__gt=F("due_date"))),
            "Paid in full after the due date.",
        ),
        Measure(
            "average_days_late",
            "Days late",
            Kind.DAYS,
            _days_late,
            "Mean of the days from the due date to the last payment, of those paid late.",
        ),
    ),
    by_name(
        Range("due_on", "Due on", Takes.DATES, lambda: F("due_date"), "Its due date."),
        Range("amount", "Amount", Takes.AMOUNTS, lambda: F("amount"), "AUD."),
    ),
)
