"""Custom reports against figures computed naively in Python, for generated definitions and each role.

Each is computed from the rows, and once more with rollups, which answer what they have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from applications.choices import Stage
from applications.models import Application
from engagement.models import Lead
from reports.models import RollupState
from reports.selectors import custom
from reports.selectors.custom import custom_report
from reports.selectors.custom_definitions import Definition, Narrowing
from reports.selectors.custom_sources import SOURCES
from reports.services.rollups import rollups_check, rollups_rebuild
from servicing.dates import business_date
from servicing.models import Loan, Repayment
from tests.factories import ApplicationFactory, LeadFactory
from tests.reports.books import loan_of, opened, repayment

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo(settings.BUSINESS_TIME_ZONE)
START = datetime(2024, 12, 20, 13, 30, tzinfo=ZoneInfo("UTC"))


def day(row):
    return row.created_at.astimezone(ZONE).date()


def lent(row):
    return row.approved_amount or row.loan_amount


def shown(value, places="0.01"):
    return value.quantize(Decimal(places), ROUND_HALF_UP)


def month(value):
    return value.replace(day=1)


def quarter(value):
    return date(value.year, (value.month - 1) // 3 * 3 + 1, 1)


def mean(values):
    found = [Decimal(value) for value in values]
    return shown(sum(found) / len(found)) if found else None


def percent(part, whole):
    return shown(Decimal(part) * 100 / whole, "0.01") if whole else None


def named(name, values):
    """Filters by some of these values."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=5, unique=True).map(
        lambda chosen: Narrowing(name, values=chosen)
    )


def dated(name):
    """Filters by days."""
    return st.tuples(st.dates(date(2024, 12, 1), date(2026, 2, 1)), st.integers(0, 400)).map(
        lambda two: Narrowing(name, start=two[0], end=two[0] + timedelta(days=two[1]))
    )


PEOPLE: Mapping[str, Callable[[Any], Any]] = {
    "branch": lambda row: row.branch_id,
    "broker": lambda row: row.broker_id,
    "bdm": lambda row: row.bd_id,
    "state": lambda row: row.branch.state if row.branch else None,
}
# Places among those that there are, until the book is known.
people = st.tuples(
    st.sampled_from(sorted(PEOPLE)), st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True)
).map(lambda two: Narrowing(two[0], values=two[1]))


def of_people(name, application):
    return lambda row, one: PEOPLE[name](application(row)) in one.values


def chosen(one, world):
    """The same with those of the book instead of places: ours, theirs, nobody."""
    if one.field not in PEOPLE or not all(isinstance(place, int) for place in one.values):
        return one
    known = [PEOPLE[one.field](side.application) for side in (world.ours, world.theirs)]
    return replace(one, values=[(*known, None)[place] for place in one.values])


def whole_days(name):
    """Filters by months and years, and to no end."""
    months = st.tuples(st.integers(2024, 2026), st.integers(1, 12)).map(lambda two: date(*two, 1))
    return st.tuples(months, st.sampled_from([None, 1, 3, 12])).map(
        lambda two: Narrowing(name, start=two[0], end=ends(two[0], two[1]) if two[1] else None)
    )


def is_inside(day, one):
    return one.start <= day and (one.end is None or day <= one.end)


def ends(first, months):
    after = first.year * 12 + first.month - 1 + months
    return date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


@dataclass(frozen=True)
class Naive:
    """A source once more, row by row. `reads` says whether a row passes a filter."""

    rows: Callable[[], Any]
    dimensions: Mapping[str, Callable[[Any], Any]]
    measures: Mapping[str, Callable[[list[Any]], Any]]
    filters: Any
    reads: Mapping[str, Callable[[Any, Narrowing], bool]]
    may_see: Callable[[Any, Any, Any], bool]


def sees_application(user, row, world):
    """The contract, once more by hand."""
    ours = world.ours
    return {
        "admin": True,
        "bd": ours.bdm.pk == row.bd_id or ours.branch.pk == row.branch_id,
        "broker": row.broker_id == ours.broker.pk,
    }[user.role]


def sees_lead(user, row, world):
    """The contract, once more by hand."""
    return {
        "admin": True,
        "bd": row.branch_id == world.ours.branch.pk,
        "broker": row.assignee_id == world.ours.broker_user.pk,
    }[user.role]


def paid(row):
    return row.interest_paid + row.principal_paid


def is_overdue(row):
    return row.status not in ("paid", "superseded") and row.due_date < business_date()


NAIVE = {
    "applications": Naive(
        lambda: Application.objects.select_related("branch", "loan"),
        {
            "stage": lambda row: row.stage,
            "application_type": lambda row: row.application_type,
            "broker": lambda row: row.broker_id,
            "branch": lambda row: row.branch_id,
            "bdm": lambda row: row.bd_id,
            "state": lambda row: row.branch.state if row.branch else None,
            "created_month": lambda row: month(day(row)),
            "created_quarter": lambda row: quarter(day(row)),
            "created_year": lambda row: date(day(row).year, 1, 1),
        },
        {
            "count": len,
            "total_loan_amount": lambda rows: shown(sum(row.loan_amount for row in rows)) if rows else None,
            "average_loan_amount": lambda rows: mean(row.loan_amount for row in rows),
            "total_amount_to_lend": lambda rows: shown(sum(map(lent, rows))) if rows else None,
            "average_amount_to_lend": lambda rows: mean(map(lent, rows)),
            "smallest_loan_amount": lambda rows: min((row.loan_amount for row in rows), default=None),
            "largest_amount_to_lend": lambda rows: max(map(lent, rows), default=None),
            "weighted_rate": lambda rows: (
                shown(sum(row.interest_rate * lent(row) for row in rows) / sum(map(lent, rows)), "0.0001")
                if rows
                else None
            ),
            "settled_count": lambda rows: sum(hasattr(row, "loan") for row in rows),
        },
        st.one_of(
            named("stage", Stage.values),
            named("application_type", ["residential", "commercial"]),
            dated("created_on"),
            whole_days("created_on"),
            people,
            st.integers(90_000, 400_000).map(lambda least: Narrowing("amount_to_lend", start=Decimal(least))),
        ),
        {
            "stage": lambda row, one: row.stage in one.values,
            "application_type": lambda row, one: row.application_type in one.values,
            **{name: of_people(name, lambda row: row) for name in PEOPLE},
            "created_on": lambda row, one: is_inside(day(row), one),
            "amount_to_lend": lambda row, one: lent(row) >= one.start,
        },
        sees_application,
    ),
    "repayments": Naive(
        lambda: Repayment.objects.exclude(status="superseded").select_related("application__branch"),
        {
            "status": lambda row: row.status,
            "broker": lambda row: row.application.broker_id,
            "branch": lambda row: row.application.branch_id,
            "bdm": lambda row: row.application.bd_id,
            "state": lambda row: row.application.branch.state if row.application.branch else None,
            "due_month": lambda row: month(row.due_date),
            "due_quarter": lambda row: quarter(row.due_date),
            "due_year": lambda row: date(row.due_date.year, 1, 1),
        },
        {
            "count": len,
            "amount_due": lambda rows: shown(sum((row.amount for row in rows), Decimal(0))),
            "amount_paid": lambda rows: shown(sum(map(paid, rows), Decimal(0))),
            "arrears": lambda rows: shown(
                sum((row.amount - paid(row) for row in rows if is_overdue(row)), Decimal(0))
            ),
            "overdue_count": lambda rows: sum(map(is_overdue, rows)),
            "paid_on_time": lambda rows: sum(
                row.paid_on is not None and row.paid_on <= row.due_date for row in rows
            ),
            "paid_late": lambda rows: sum(
                row.paid_on is not None and row.paid_on > row.due_date for row in rows
            ),
            "average_days_late": lambda rows: mean(
                (row.paid_on - row.due_date).days
                for row in rows
                if row.paid_on and row.paid_on > row.due_date
            ),
        },
        st.one_of(
            named("status", ["paid", "scheduled", "partially_paid"]),
            dated("due_on"),
            whole_days("due_on"),
            people,
            st.integers(100, 900).map(lambda least: Narrowing("amount", start=Decimal(least))),
        ),
        {
            "status": lambda row, one: row.status in one.values,
            **{name: of_people(name, lambda row: row.application) for name in PEOPLE},
            "due_on": lambda row, one: is_inside(row.due_date, one),
            "amount": lambda row, one: row.amount >= one.start,
        },
        lambda user, row, world: sees_application(user, row.application, world),
    ),
    "leads": Naive(
        Lead.objects.all,
        {
            "status": lambda row: row.status,
            "source": lambda row: row.source,
            "state": lambda row: row.state or None,
            "branch": lambda row: row.branch_id,
            "assignee": lambda row: row.assignee_id,
            "created_month": lambda row: month(day(row)),
            "created_quarter": lambda row: quarter(day(row)),
        },
        {
            "count": len,
            "converted": lambda rows: sum(row.converted_at is not None for row in rows),
            "lost": lambda rows: sum(row.status == "lost" for row in rows),
            "conversion_rate": lambda rows: percent(
                sum(row.converted_at is not None for row in rows), len(rows)
            ),
            "win_rate": lambda rows: percent(
                sum(row.status == "won" for row in rows), sum(row.status in ("won", "lost") for row in rows)
            ),
            "average_days_to_convert": lambda rows: mean(
                Decimal((row.converted_at - row.created_at).total_seconds()) / 86_400
                for row in rows
                if row.converted_at
            ),
            "total_loan_amount": lambda rows: (
                shown(sum(known)) if (known := [row.loan_amount for row in rows if row.loan_amount]) else None
            ),
        },
        st.one_of(
            named("source", ["referral", "walk_in", "other"]),
            named("state", [None, "NSW", "VIC"]),
            dated("created_on"),
        ),
        {
            "source": lambda row, one: row.source in one.values,
            "state": lambda row, one: (row.state or None) in one.values,
            "created_on": lambda row, one: is_inside(day(row), one),
        },
        sees_lead,
    ),
}


@pytest.fixture
def book(world):
    """Two sides and nobody's, over year ends and the change of the clocks."""
    sides = [world.ours, world.theirs, None]
    stages = [Stage.INQUIRY, Stage.APP_SUBMITTED, Stage.FORMAL_APPROVAL]
    for place in range(36):
        side = sides[place % 3]
        row = ApplicationFactory.create(
            broker=side and side.broker,
            bd=side and side.bdm,
            branch=side and side.branch,
            stage=stages[place % 5 % 3],
            application_type=("residential", "commercial")[place % 7 % 2],
            loan_amount=Decimal(100_000 + 7919 * place) + Decimal("0.37"),
            approved_amount=Decimal(90_000 + place) if place % 4 == 0 else None,
            interest_rate=Decimal("4.0000") + Decimal(place) / 17,
        )
        moment = START + timedelta(days=11 * place, hours=place)
        Application.objects.filter(pk=row.pk).update(created_at=moment)
        if place % 6 < 3:
            version = loan_of(row, "12000", day_of(moment))
            for number in range(3):
                due = day_of(moment) + timedelta(days=31 * number)
                late = [None, -1, 0, 3][(place + number) % 4]
                on = None if late is None else due + timedelta(days=late)
                repayment(version, number + 1, due, str(100 + 37 * place + number), "20.55", on)
        lead = LeadFactory.create(
            assignee=side and side.broker_user,
            branch=side and side.branch,
            source=["referral", "walk_in", "other"][place % 5 % 3],
            state=["", "NSW", "VIC"][place % 4 % 3],
            loan_amount=None if place % 5 == 0 else Decimal(1000 + place),
        )
        Lead.objects.filter(pk=lead.pk).update(created_at=moment)
        if place % 3 == 1:
            status = ["application_started", "won", "lost"][place % 9 // 3]
            Lead.objects.filter(pk=lead.pk).update(
                status=status,
                lost_reason="Gone" if status == "lost" else "",
                converted_at=moment + timedelta(hours=7 * place),
                borrower=world.ours.borrower,
            )
    return world


def day_of(moment):
    return moment.astimezone(ZONE).date()


@pytest.fixture
def counted(book):
    """The same with repayments of all kinds, and its rollups."""
    today = business_date()
    for place, row in enumerate(Repayment.objects.order_by("pk")):
        due = today + timedelta(days=[-400, -70, -1, 0, 1, 60][place % 6])
        if place % 5 == 0 and row.paid_on is None:
            Repayment.objects.filter(pk=row.pk).update(due_date=due)
        if place % 7 == 0:
            nothing = {"amount": 0, "principal": 0, "principal_paid": 0}
            Repayment.objects.filter(pk=row.pk).update(**nothing)
        if place % 11 == 0:
            Repayment.objects.filter(pk=row.pk).update(status="superseded")
    for loan in Loan.objects.order_by("pk")[::4]:
        Loan.objects.filter(pk=loan.pk).update(status="written_off", closed_on=loan.settled_on)
    rollups_rebuild()
    assert rollups_check() == (0, 0)
    return book


@hypothesis_settings(
    max_examples=90, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), name=st.sampled_from(sorted(NAIVE)), role=st.sampled_from(["admin", "bd", "broker"]))
def test_figures_are_those_of_the_rows(counted, data, name, role):
    naive, source = NAIVE[name], SOURCES[name]
    dimensions = data.draw(st.lists(st.sampled_from(sorted(naive.dimensions)), max_size=3, unique=True))
    measures = data.draw(
        st.lists(st.sampled_from(sorted(naive.measures)), min_size=1, max_size=4, unique=True)
    )
    filters = [chosen(one, counted) for one in data.draw(st.lists(naive.filters, max_size=3))]
    reader = counted.user(role)
    definition = Definition(
        source,
        [source.dimensions[name] for name in dimensions],
        [source.measures[name] for name in measures],
        filters,
    )
    rows = [
        row
        for row in naive.rows()
        if naive.may_see(reader, row, counted) and all(naive.reads[one.field](row, one) for one in filters)
    ]
    groups: dict = {}
    for row in rows if dimensions else []:
        groups.setdefault(tuple(naive.dimensions[name](row) for name in dimensions), []).append(row)
    expected = {
        key: {name: naive.measures[name](those) for name in measures} for key, those in groups.items()
    }
    results = []
    for is_whole in (False, True):
        RollupState.objects.update(is_whole=is_whole)
        results.append(result := custom_report(definition, reader=reader))
        found = {
            tuple(row[name] for name in dimensions): {name: row[name] for name in measures}
            for row in result.rows
        }
        assert found == expected
        assert len(result.rows) == len(groups)
        assert result.totals == {name: naive.measures[name](rows) for name in measures}
    assert results[0].rows == results[1].rows  # in the same order


QUICK: Any = [
    ("applications", ["stage", "created_month"], ["count", "total_loan_amount", "weighted_rate"], [], "all"),
    ("applications", ["application_type"], ["average_amount_to_lend"], ["created_on"], "all"),
    ("applications", ["broker", "stage", "created_year"], ["count"], ["created_on"], "all"),
    ("applications", ["state"], ["count"], ["stage", "created_on"], "all"),
    ("applications", ["stage"], ["count"], ["application_type"], ""),  # two labels
    ("applications", ["product"], ["count"], [], ""),
    ("applications", [], ["largest_loan_amount"], [], ""),
    ("repayments", ["due_quarter"], ["arrears", "average_days_late"], ["due_on"], "all"),
    ("repayments", ["branch"], ["overdue_count", "amount_due"], [], "all"),
    ("repayments", ["broker"], ["amount_paid", "paid_late"], [], "all"),
    (
        "repayments",
        ["broker"],
        ["arrears"],
        [],
        "broker",
    ),  # to yesterday: days, which are of no list of people
    ("repayments", ["status"], ["count"], [], ""),
    ("leads", [], ["count"], [], ""),
]


@pytest.mark.parametrize(("name", "dimensions", "measures", "fields", "quick"), QUICK)
def test_rollups_answer_what_they_have(counted, name, dimensions, measures, fields, quick):
    source = SOURCES[name]
    values = {"stage": ["inquiry"], "application_type": ["commercial"]}
    definition = Definition(
        source,
        [source.dimensions[name] for name in dimensions],
        [source.measures[name] for name in measures],
        [
            Narrowing(name, values=values[name])
            if name in values
            else Narrowing(name, start=date(2025, 1, 5), end=date(2025, 9, 20))
            for name in fields
        ],
    )
    answered = [
        role
        for role in ("admin", "bd", "broker")
        if custom.from_cells(definition, counted.user(role)) is not None
    ]
    assert answered == (["admin", "bd", "broker"] if quick == "all" else quick.split())
    RollupState.objects.update(is_whole=False)
    assert custom.from_cells(definition, counted.admin) is None


@pytest.mark.parametrize(
    "days", [(date(2024, 2, 1), date(2024, 2, 28)), (date(2023, 3, 1), date(2024, 2, 28))]
)
def test_cells_that_cancel_each_other_out_are_nothing_and_not_zero(world, days):
    """The month, or the year, less the day of the only application."""
    opened(datetime(2024, 2, 29, 12, tzinfo=ZONE))
    rollups_rebuild()
    source = SOURCES["applications"]
    measures = [source.measures[name] for name in ("count", "total_loan_amount", "total_amount_to_lend")]
    narrowing = Narrowing("created_on", start=days[0], end=days[1])
    totals = []
    for is_whole in (False, True):
        RollupState.objects.update(is_whole=is_whole)
        totals.append(custom_report(Definition(source, [], measures, [narrowing]), reader=world.admin).totals)
    assert totals[0] == totals[1] == {"count": 0, "total_loan_amount": None, "total_amount_to_lend": None}


@pytest.mark.parametrize(
    "edges", [{"start": date(1, 1, 1)}, {"start": date(1, 1, 1), "end": date(9999, 12, 31)}]
)
def test_years_are_told_apart_however_long_the_period_is(world, edges):
    opened(datetime(2024, 2, 29, 12, tzinfo=ZONE))
    rollups_rebuild()
    source = SOURCES["applications"]
    wanted = Definition(
        source,
        [source.dimensions["created_year"]],
        [source.measures["count"]],
        [Narrowing("created_on", **edges)],
    )
    rows = []
    for is_whole in (False, True):
        RollupState.objects.update(is_whole=is_whole)
        rows.append(custom_report(wanted, reader=world.admin).rows)
    assert rows[0] == rows[1]
    assert rows[0][0]["created_year"] == date(2024, 1, 1)


def test_every_source_is_computed_naively_as_well():
    assert NAIVE.keys() == SOURCES.keys()
