"""Proof that the ledger is right: every invariant, over the whole database.

Each check is one statement that answers with the breaches it finds, so that the database streams through its
tables and nothing is held here. The replay works loan by loan, with the rules that services follow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from applications.models import Application
from servicing.allocation import ZERO, RefundNotCovered
from servicing.choices import Account, LoanStatus
from servicing.models import AccountBalance, PaymentShare
from servicing.selectors.accruals import accrued
from servicing.selectors.checks import CHECKS
from servicing.selectors.facts import Facts, read_facts

SHOWN = 5  # breaches of each check that are told of
CHUNK = 200


@dataclass(frozen=True)
class Check:
    """What is checked, what was looked at, and the first breaches."""

    name: str
    looked_at: int
    breaches: list[str]


_TRIGGERS = {
    ("servicing_journalentry", "servicing_append_only"),
    ("servicing_journalline", "servicing_append_only"),
    ("servicing_journalentry", "servicing_no_truncate"),
    ("servicing_journalline", "servicing_no_truncate"),
    ("servicing_journalline", "servicing_lines_balance"),
    ("servicing_journalentry", "servicing_entry_has_lines"),
}


def audit() -> Iterator[Check]:
    """Do every check."""
    for name, (table, statement) in CHECKS.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours
            looked_at = cursor.fetchone()[0]
            # All of it is planned for, not the first few rows: of a right ledger there are none to find.
            whole = f"WITH found AS MATERIALIZED ({statement}) SELECT * FROM found"  # noqa: S608
            cursor.execute(f"{whole} LIMIT {SHOWN}")
            yield Check(name, looked_at, [row[0] for row in cursor.fetchall()])
    yield from _replay()
    yield _guarded()


def _replay() -> Iterator[Check]:
    """Work out anew which money pays what, and what was earned, of every application with money."""
    faults: dict[str, list[str]] = {name: [] for name in _REPLAYED}
    last, looked_at = 0, 0
    while True:
        ids = AccountBalance.objects.filter(application__gt=last).order_by("application")
        chunk = list(ids.values_list("application", flat=True).distinct()[:CHUNK])
        if not chunk:
            break
        for application in Application.objects.filter(pk__in=chunk).order_by("pk"):
            looked_at += 1
            facts = read_facts(application)
            for name, fault_of in _REPLAYED.items():
                if fault := fault_of(facts):
                    faults[name].append(f"application {application.pk}: {fault}")
        last = chunk[-1]
    for name, found in faults.items():
        yield Check(name, looked_at, found[:SHOWN])


def _shares_fault(facts: Facts) -> str:
    shares = PaymentShare.objects.filter(payment__application=facts.application)
    until = max((share.applied_on for share in shares), default=facts.latest_money())
    try:
        outcome = facts.allocation(max(until, facts.latest_money()))
    except RefundNotCovered:
        return "a refund is not covered"
    wanted: dict[tuple[object, ...], Decimal] = {}
    for share in outcome.shares:
        place = (share.payment, *share.key, share.component)
        wanted[place] = wanted.get(place, ZERO) + share.amount
    kept: dict[tuple[object, ...], Decimal] = {
        (
            row.payment_id,
            "fee" if row.repayment_id is None else "repayment",
            row.fee_id if row.repayment_id is None else row.repayment_id,
            row.component,
        ): row.amount
        for row in shares
    }
    if kept != wanted:
        different = sorted({str(place) for place in {*kept, *wanted} if kept.get(place) != wanted.get(place)})
        return f"shares differ at {', '.join(different[:3])}"
    return ""


def _accrual_fault(facts: Facts) -> str:
    loan = facts.loan
    rows = AccountBalance.objects.filter(application=facts.application, account=Account.INTEREST_ACCRUED)
    kept = rows.values_list("balance", flat=True).first() or ZERO
    open_loan = loan is not None and loan.status != LoanStatus.WRITTEN_OFF
    wanted = accrued(facts, loan.accrued_to) if loan is not None and open_loan else ZERO
    return f"accrued are {kept}, earned {wanted}" if kept != wanted else ""


_REPLAYED: dict[str, Callable[[Facts], str]] = {
    "a replay of all payments gives the same balances": _shares_fault,
    "interest accrued is what the schedule has earned by the last close": _accrual_fault,
}


def _guarded() -> Check:
    """The database itself still refuses what it must."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE relname LIKE 'servicing_%%' AND NOT tgisinternal AND tgenabled = 'O'",
            [],
        )
        found = set(cursor.fetchall())
    missing = sorted(_TRIGGERS - found)
    return Check(
        "the database refuses what would break the ledger",
        len(_TRIGGERS),
        [f"trigger {trigger} of {table} is not there or not on" for table, trigger in missing],
    )
