"""A book for reports: applications over three years, each with a loan and twelve repayments, made by SQL.

As in `grown`, rows are templates with columns by `n`; nothing of it is a history that makes sense, but sums
of any period, person and outcome have something to add up. Triggers and foreign keys are off while it is
loaded, and indexes that no constraint needs are made afterwards: twelve million repayments take minutes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import connection

from applications.models import Application, Security, StageChange
from benchmarks import grown
from benchmarks.grown import PER_BDM, PER_BROKER, Grown, Template
from borrowers.models import Borrower
from brokers.models import Bdm, Broker
from engagement.models import Lead
from events.models import Event
from servicing.dates import business_date
from servicing.models import (
    AccountBalance,
    Commission,
    JournalEntry,
    JournalLine,
    Loan,
    Payment,
    Repayment,
    ScheduleVersion,
)
from users.choices import Role
from users.models import User

YEARS = 3
REPAYMENTS = 12  # of each application, a month apart
LOADED = (
    Application, Security, StageChange, Event, Lead, Loan, ScheduleVersion, Repayment, AccountBalance,
    Payment, JournalEntry, JournalLine, Commission, Borrower,
)  # fmt: skip
_DAYS = YEARS * 365
# In the fills of repayments and entries `n` counts repayments: the application of one, and which it is.
_OF, _WHICH = f"((n - 1) / {REPAYMENTS} + 1)", f"((n - 1) %% {REPAYMENTS} + 1)"


def grow(size: int, say: Callable[[str], Any]) -> Grown:
    """Fill an empty, migrated database with so many applications."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '512MB'")
    grown._branches()
    grown._products()
    grown._partners()
    grown._fill(User, 0, 1, grown._user("admin", Role.ADMIN))
    bdms, brokers = -(-size // PER_BDM), -(-size // PER_BROKER)
    for model, count, template in (
        (User, bdms, grown._user("bd", Role.BD, 1)),
        (User, brokers, grown._user("broker", Role.BROKER, 2)),
        (User, 2, grown._user("client", Role.CLIENT, 3)),
        (Bdm, bdms, grown._bdm(1)),
        (Broker, brokers, grown._broker(2)),
    ):
        grown._fill(model, 0, count, template)
    with _without_indexes():
        for model, count, template in _rows(size, bdms, brokers):
            grown._fill(model, 0, count, template)
            say(f"  {count:,} of {model._meta.verbose_name_plural}")
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")
    return grown.grown(size)


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Make the indexes that no constraint needs when all rows are there."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT format('DROP INDEX %%I', i.relname), pg_get_indexdef(i.oid)
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
            WHERE t.relname = ANY(%s)
            AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid)""",
            [[model._meta.db_table for model in LOADED]],
        )
        indexes = cursor.fetchall()
        for drop, _ in indexes:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        for _, make in indexes:
            cursor.execute(make)


def _rows(size: int, bdms: int, brokers: int) -> Sequence[tuple[Any, int, Template]]:
    """What is loaded, in this order."""
    today = business_date()
    start = (today - timedelta(days=_DAYS)).isoformat()

    def moment(of: str) -> str:
        return f"(timestamptz '{start} 00:00+10' + {of} * interval '{_DAYS * 86400 / size} s')"

    def settled(of: str) -> str:
        return f"({moment(of)}::date + 20)"

    due = f"({settled(_OF)} + 30 * {_WHICH})::date"
    is_due, late = f"{due} < date '{today}'", "hashint8(n) %% 13 = 0"
    is_paid = f"({is_due} AND hashint8(-n) %% 37 <> 0)"
    amount, interest = "(1000 + (hashint8(n) & 2047))", 400

    def paid(value: object) -> str:
        return f"CASE WHEN {is_paid} THEN {value} ELSE 0 END"

    def entry(**columns: str) -> dict[str, str]:
        return {"id": grown._id(), "created_at": moment(_OF), **columns}

    def line(part: int, value: str) -> dict[str, str]:
        return {"id": grown._id(f"3 * n::bigint + {part}"), "entry_id": grown._id(), "amount": value}

    one, of = {"id": grown._id(), "application_id": grown._id()}, {"application_id": grown._id(_OF)}
    opened = {"created_at": moment("n"), "updated_at": moment("n"), "stage_entered_at": moment("n")}
    broker = f"(1 + n %% {brokers})"
    events = {**grown._event(size).columns, "occurred_at": moment("n")}
    # Commissions have entries of their own, after those of repayments.
    after = f"{REPAYMENTS * size} + n"
    every = size * REPAYMENTS
    names = {name: grown._NAMES[name] for name in ("first_name", "last_name")}
    asked = {
        "status": "CASE WHEN n %% 5 = 0 THEN 'contacted' WHEN n %% 7 = 0 THEN 'lost' ELSE 'new' END",
        "lost_reason": "CASE WHEN n %% 5 > 0 AND n %% 7 = 0 THEN 'Rates' ELSE '' END",
        "source": "CASE WHEN n %% 3 = 0 THEN 'referral' WHEN n %% 4 = 0 THEN 'walk_in' ELSE 'other' END",
        "branch_id": grown._id(f"1 + n %% {grown.BRANCHES}"),
    }
    asked |= dict.fromkeys(
        ("created_at", "updated_at", "status_changed_at", "last_submitted_at"), moment("n")
    )
    person = f"CASE WHEN {broker} %% 11 > 0 THEN {grown._id(f'1 + {broker} %% {bdms}')} END"
    application = replace(
        grown._application(size), columns={**grown._application(size).columns, **opened, "bd_id": person}
    )
    open_loan = ScheduleVersion(
        version=1, number_of_instalments=REPAYMENTS, advanced=0, annual_rate=6, frequency="monthly",
        method="equal_instalments", day_count="act_365", rounding="half_up",
    )  # fmt: skip
    received = JournalEntry(entry_type="repayment_received", balance=0, description="Repayment")
    accrued = JournalEntry(entry_type="commission_accrued", amount=600, balance=0, description="Upfront")
    upfront = Commission(kind="upfront", base=60000, rate=1, amount=600, broker_amount=450, branch_amount=150)
    return (
        (Borrower, 2, grown._borrower(size)),
        (Application, size, application),
        (Security, size, grown._security(size)),
        (StageChange, size, replace(grown._stage_change(size), columns={**one, "changed_at": moment("n")})),
        (
            StageChange, size,
            Template(
                StageChange(from_stage="inquiry", to_stage="settled", seconds_in_stage=20 * 86400),
                {**one, "id": grown._id(f"{size} + n"), "changed_at": f"{moment('n')} + interval '20 days'"},
                "n %% 4 <> 0",
            ),
        ),
        (Event, size, replace(grown._event(size), columns=events)),
        (Lead, size, Template(Lead(email="lead@example.com"), {"id": grown._id(), **names, **asked})),
        (
            Loan, size,
            Template(Loan(allocation_order=["interest"]), {**one, "settled_on": settled("n")}),
        ),
        (
            ScheduleVersion, size,
            Template(
                open_loan,
                {
                    "id": grown._id(), "loan_id": grown._id(), "principal": "50000",
                    **dict.fromkeys(("starts_on", "first_due_date"), settled("n")), "created_at": moment("n"),
                },
            ),
        ),
        (
            Repayment, every,
            Template(
                Repayment(interest=interest, balance_after=0),
                {
                    "id": grown._id(), **of, "schedule_id": grown._id(_OF), "number": _WHICH,
                    "period_start": f"{due} - 30", "due_date": due, "amount": amount,
                    "principal": f"{amount} - {interest}", "interest_paid": paid(interest),
                    "principal_paid": paid(f"{amount} - {interest}"),
                    "paid_on": f"CASE WHEN {is_paid} THEN {due} + CASE WHEN {late} THEN 5 ELSE 0 END END",
                    "status": f"CASE WHEN {is_paid} THEN 'paid' WHEN {is_due} THEN 'overdue' "
                    "ELSE 'scheduled' END",
                    "charged_on": f"CASE WHEN {is_due} THEN {due} END",
                },
            ),
        ),
        (
            AccountBalance, size,
            Template(AccountBalance(account="loan_principal"), {**one, "balance": "50000 + n %% 450000"}),
        ),
        (
            AccountBalance, size,
            Template(
                AccountBalance(account="interest_receivable", balance=400),
                {**one, "id": grown._id(f"{size} + n")}, "n %% 5 = 0",
            ),
        ),
        (
            Payment, size,
            Template(
                Payment(amount=1400), {**one, "received_on": settled("n"), "created_at": moment("n")}
            ),
        ),
        (
            JournalEntry, every,
            Template(
                received,
                entry(**of, entry_date=due, amount=amount, payment_id=grown._id(_OF)), is_paid,
            ),
        ),
        *(
            (JournalLine, every, Template(JournalLine(account=account), line(part, value), is_paid))
            for part, (account, value) in enumerate(
                (
                    ("cash", amount),
                    ("interest_income", f"-{interest}"),
                    ("loan_principal", f"{interest} - {amount}"),
                )
            )
        ),
        (
            JournalEntry, size,
            Template(
                accrued,
                {**one, "id": grown._id(after), "entry_date": settled("n"), "created_at": moment("n")},
            ),
        ),
        *(
            (
                JournalLine, size,
                Template(
                    JournalLine(account=account, amount=value),
                    {"id": grown._id(f"{4 * every} + 2 * n::bigint + {part}"), "entry_id": grown._id(after)},
                ),
            )
            for part, (account, value) in enumerate(
                (("commission_expense", 600), ("commission_payable", -600))
            )
        ),
        (
            Commission, size,
            Template(
                upfront,
                {
                    **one, "broker_id": grown._id(broker),
                    "branch_id": grown._id(f"1 + {broker} %% {grown.BRANCHES}"),
                    "accrued_on": settled("n"), "entry_id": grown._id(after), "created_at": moment("n"),
                },
            ),
        ),
    )  # fmt: skip
