"""Every figure of a broker's stats and commissions, against plain Python over the rows."""

import random
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest

from applications.models import Application, StageChange
from servicing.dates import business_date
from servicing.models import Commission, JournalLine, Loan, Repayment
from servicing.services.commission_payments import commissions_mark_paid
from tests.factories import ApplicationFactory, BrokerFactory, CommissionTermsFactory, ProductFactory
from tests.integration.test_portfolios_api import STAGES
from tests.reports.books import SYDNEY, loan_of, opened, repayment
from tests.servicing.kit import START, D, settled
from tests.servicing.test_commissions import on, pay_out

pytestmark = pytest.mark.django_db

PATH, ASIDE = STAGES[:16], STAGES[16:]
OPEN = [*PATH[:14], "more_info_required"]
LENT = ["settled", "closed"]
# Days past due, from and to.
BUCKETS = {"1-30": (1, 30), "31-60": (31, 60), "61-90": (61, 90), "90+": (91, 10**6)}


def small_book(world, today):
    """Two dozen applications of our broker and others, in all stages, some with loans and late repayments."""
    chance = random.Random(8)
    late = [0, 1, 30, 31, 60, 61, 90, 91, 400]
    for number in range(26):
        stage = STAGES[number % len(STAGES)] if number < 19 else "settled"
        created = datetime(2025, 1, 1, 10, 30, tzinfo=SYDNEY) + timedelta(hours=chance.randrange(9000))
        application = opened(
            created,
            stage=stage,
            came_from=chance.choice(PATH[:14]) if stage in ASIDE else "",
            loan_amount=D(chance.randrange(1, 10**8)) / 100,
            approved_amount=chance.choice([None, D(chance.randrange(1, 10**6))]),
            broker=world.ours.broker if number % 5 else world.theirs.broker,
            branch=world.ours.branch if number % 3 else world.theirs.branch,
            bd=world.ours.bdm if number % 4 else world.theirs.bdm,
        )
        for before, after in pairwise(["", "inquiry", "settled"][: 3 if stage in LENT else 2]):
            StageChange.objects.create(
                application=application,
                from_stage=before,
                to_stage=after,
                changed_at=created + timedelta(minutes=chance.randrange(10**5) if before else 0),
            )
        if stage == "settled":
            version = loan_of(application, "250000", today - timedelta(days=500))
            for place in range(chance.randrange(1, 4)):
                due = today - timedelta(days=chance.choice(late) - 40 * place)
                amount = D(chance.randrange(100, 10**5))
                paid_on = chance.choice([None, None, due])
                repayment(version, place + 1, due, str(amount), str(chance.choice([0, amount / 4])), paid_on)
            if number % 7 == 2:
                Loan.objects.filter(application=application).update(status="written_off", closed_on=today)


def hundredths(value):
    return str(value.quantize(D("0.01"), ROUND_HALF_UP))


def reached(row):
    return row.came_from if row.stage in ASIDE else row.stage


def naive(rows, today):
    """The same figures, from rows, one by one."""
    opens, lent = [row for row in rows if row.stage in OPEN], [row for row in rows if row.stage in LENT]
    approved = [row for row in rows if reached(row) in PATH[PATH.index("formal_approval") :]]
    amount, days = sum((row.loan_amount for row in rows), D(0)), []
    for row in lent:
        moves = list(row.stage_changes.order_by("changed_at"))
        days.append(Decimal((moves[-1].changed_at - moves[0].changed_at).total_seconds()) / 86400)
    loans = [row.loan for row in rows if Loan.objects.filter(application=row, status="active").exists()]
    late: dict[str, list[Decimal]] = {name: [] for name in BUCKETS}
    for loan in loans:
        unpaid = [
            one
            for one in Repayment.objects.filter(application=loan.application)
            if one.due_date < today and one.amount > one.interest_paid + one.principal_paid
        ]
        if unpaid:
            overdue = (today - min(one.due_date for one in unpaid)).days
            [name] = [name for name, (least, most) in BUCKETS.items() if least <= overdue <= most]
            late[name].append(
                sum((one.amount - one.interest_paid - one.principal_paid for one in unpaid), D(0))
            )
    return {
        "total_applications": len(rows),
        "open_applications": len(opens),
        "open_amount": hundredths(sum((row.loan_amount for row in opens), D(0))),
        "settled_applications": len(lent),
        "declined_applications": len([row for row in rows if row.stage == "declined"]),
        "withdrawn_applications": len([row for row in rows if row.stage == "withdrawn"]),
        "total_loan_amount": hundredths(amount),
        "average_loan_amount": hundredths(amount / len(rows)),
        "settled_amount": hundredths(sum((row.approved_amount or row.loan_amount for row in lent), D(0))),
        "approval_rate": hundredths(Decimal(100 * len(approved)) / len(rows)),
        "settlement_rate": hundredths(Decimal(100 * len(lent)) / len(rows)),
        "average_days_to_settlement": hundredths(sum(days) / len(days)) if days else None,
        "last_application_at": max(row.created_at for row in rows),
        "by_stage": {
            stage: (
                len([row for row in rows if row.stage == stage]),
                hundredths(sum((row.loan_amount for row in rows if row.stage == stage), D(0))),
            )
            for stage in STAGES
        },
        "open_loans": len(loans),
        "arrears": {
            "loans": sum(map(len, late.values())),
            "amount": hundredths(sum(sum(found, D(0)) for found in late.values())),
            **{name: (len(found), hundredths(sum(found, D(0)))) for name, found in late.items()},
        },
    }


def shown(body):
    """A reply in the same form."""
    del body["definitions"]
    body["last_application_at"] = datetime.fromisoformat(body["last_application_at"])
    body["by_stage"] = {row["stage"]: (row["count"], row["amount"]) for row in body["by_stage"]}
    buckets = {row["bucket"]: (row["loans"], row["amount"]) for row in body["arrears"].pop("buckets")}
    return {**body, "arrears": {**body["arrears"], **buckets}}


def test_every_figure_of_the_stats_is_that_of_plain_python(world, api):
    today = business_date()
    small_book(world, today)
    readers = [world.admin, world.ours.bd_user, world.ours.broker_user]
    some_late = 0
    for reader in readers:
        for query, last in (({}, None), ({"date_to": "2025-06-30"}, date(2025, 6, 30))):
            mine = Application.objects.visible_to(reader).filter(broker=world.ours.broker)
            rows = [row for row in mine if last is None or row.created_at.date() <= last]
            reply = api(reader).get(f"/api/brokers/{world.ours.broker.pk}/stats/", query)
            assert reply.status_code == 200
            expected = naive(rows, today)
            assert shown(reply.json()) == expected
            some_late += expected["arrears"]["loans"]
    assert some_late


def test_a_broker_without_loans_has_no_arrears(world, api):
    broker = BrokerFactory.create(branch=world.ours.branch)
    body = api(world.admin).get(f"/api/brokers/{broker.pk}/stats/").json()
    assert (body["open_loans"], body["arrears"]["loans"], body["arrears"]["amount"]) == (0, 0, "0.00")
    assert [row["bucket"] for row in body["arrears"]["buckets"]] == list(BUCKETS)


def test_the_commission_summary_is_the_sum_of_the_ledger_s_lines(world, api):
    CommissionTermsFactory.create()
    product = ProductFactory.create(repayment_method="interest_only")
    broker = world.ours.broker
    with on(START):
        loan = settled(world.admin, world.ours.application, terms={"product": product})
        settled(world.admin, ApplicationFactory.create(broker=broker))
        settled(world.admin, ApplicationFactory.create(broker=world.theirs.broker))
        commissions_mark_paid(commissions=list(Commission.objects.all()), actor=world.admin)
    with on(date(2025, 4, 25)):
        pay_out(loan, world.admin)
    body = api(world.ours.broker_user).get(f"/api/brokers/{broker.pk}/commission-summary/").json()
    totals = {
        name: D(body["as_broker"][name]) + D(body["as_branch"][name])
        for name in ("accrued", "clawed_back", "paid", "payable")
    }
    of_broker = Commission.objects.filter(broker=broker)
    expense = JournalLine.objects.filter(
        account="commission_expense", entry__in=of_broker.values("entry")
    ).values_list("amount", flat=True)
    payable = JournalLine.objects.filter(account="commission_payable")
    paid = payable.filter(entry__in=of_broker.values("paid_entry")).values_list("amount", flat=True)
    booked = payable.filter(entry__in=of_broker.values("entry")).values_list("amount", flat=True)
    assert totals == {
        "accrued": sum(amount for amount in expense if amount > 0),
        "clawed_back": -sum(amount for amount in expense if amount < 0),
        "paid": sum(paid),
        # A liability is a credit.
        "payable": -(sum(booked) + sum(paid)),
    }
    assert all(totals.values())
