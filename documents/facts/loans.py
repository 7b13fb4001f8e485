"""The loan, its schedule, what it takes to pay it out, and its statement."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from applications.choices import DayCount
from applications.models import Application
from documents.letters.australian import long_date, money, percent, short_date
from servicing.choices import LoanStatus
from servicing.models import Repayment
from servicing.schedule import Instalment, make_schedule
from servicing.selectors.facts import Facts
from servicing.selectors.loans import loan_detail
from servicing.selectors.payoff import payoff
from servicing.selectors.statement import statement
from servicing.services.scheduling import engine_errors
from servicing.services.settlement import loan_terms

ZERO = Decimal("0.00")


def loan(application: Application, facts: Facts, today: date) -> dict[str, Any]:
    """Where a settled loan stands; all of it empty before settlement."""
    row: Any = loan_detail(application)
    if row is None:
        empty = dict.fromkeys(_LOAN_TEXTS, "")
        return {**empty, **dict.fromkeys(_LOAN_FLAGS, False)}
    schedule = facts.schedules[-1]
    ahead = [one for one in facts.repayments if one.outstanding and one.due_date >= today]
    following = f"{money(ahead[0].outstanding)} on {long_date(ahead[0].due_date)}" if ahead else ""
    late = row.arrears.amount > ZERO
    return {
        "is_settled": True,
        "is_active": row.status == LoanStatus.ACTIVE,
        "is_paid_out": row.status == LoanStatus.CLOSED,
        "in_arrears": late,
        "is_current": not late,
        "settled_on": long_date(row.settled_on),
        "amount": money(sum((one.advanced for one in facts.schedules), ZERO)),
        "principal_balance": money(row.principal_balance),
        "rate": percent(schedule.annual_rate),
        "next_repayment": following,
        "maturity": long_date(facts.repayments[-1].due_date if facts.repayments else None),
        "arrears_amount": money(row.arrears.amount) if late else "",
        "oldest_due": long_date(row.arrears.oldest_due),
        "days_past_due": str(row.arrears.days_past_due) if late else "",
    }


def schedule(application: Application, facts: Facts, on: date) -> dict[str, Any]:
    """The repayments: those of the loan, or what they would be if it settled as expected.

    Raises:
        InvalidInput: the terms of the application make no schedule.
    """
    if facts.loan is not None:
        version = facts.schedules[-1]
        rows = [_row(one, one.amount, one.balance_after) for one in facts.repayments]
        start, day_count = version.starts_on, version.day_count
        sums = _sums(facts.repayments)
    else:
        start = max(application.estimated_settlement_date or on, on)
        with engine_errors():
            made = make_schedule(loan_terms(application, application.amount_to_lend, start, {}))
        rows = [_row(one, one.total, one.balance) for one in made.instalments]
        day_count = made.terms.day_count.value
        sums = (made.totals.principal, made.totals.interest, made.totals.total)
    principal, interest, amount = map(money, sums)
    return {
        "is_indicative": facts.loan is None,
        "start": long_date(start),
        "day_count": str(DayCount(day_count).label),
        "rows": rows,
        "totals": {
            "number": "",
            "due_date": "Total",
            "principal": principal,
            "interest": interest,
            "amount": amount,
            "balance": "",
        },
    }


def payout(facts: Facts, on: date) -> dict[str, str]:
    """What it takes to pay the loan out on a day; empty before settlement."""
    parts = ("principal", "interest_due", "accrued_interest", "fees", "penalties", "unapplied", "total")
    if facts.loan is None:
        return {"date": long_date(on), **dict.fromkeys(parts, "")}
    figure = payoff(facts, on)
    return {"date": long_date(on), **{name: money(getattr(figure, name)) for name in parts}}


def statement_of(application: Application, start: date | None, end: date | None) -> dict[str, Any]:
    """The statement of a period, both days included."""
    found = statement(application, start=start, end=end)
    amounts = ("opening_balance", "total_debits", "total_credits", "closing_balance")
    return {
        "start": long_date(found["start"]),
        "end": long_date(found["end"]),
        **{name: money(found[name]) for name in amounts},
        "lines": [
            {
                "date": short_date(line["date"]),
                "description": line["description"],
                "debit": money(line["debit"] or None),
                "credit": money(line["credit"] or None),
                "balance": money(line["balance"]),
            }
            for line in found["lines"]
        ],
    }


def fees(facts: Facts) -> dict[str, Any]:
    """What is charged besides interest."""
    rows = [
        {
            "description": fee.description or fee.get_fee_type_display(),
            "amount": money(fee.amount),
            "due_date": long_date(fee.due_date),
        }
        for fee in facts.fees
    ]
    return {"fees": rows, "has_fees": bool(rows)}


_LOAN_TEXTS = (
    "settled_on", "amount", "principal_balance", "rate", "next_repayment", "maturity", "arrears_amount",
    "oldest_due", "days_past_due",
)  # fmt: skip
_LOAN_FLAGS = ("is_settled", "is_active", "is_paid_out", "in_arrears", "is_current")


def _row(one: Repayment | Instalment, amount: Decimal, balance: Decimal) -> dict[str, str]:
    return {
        "number": str(one.number),
        "due_date": short_date(one.due_date),
        "principal": money(one.principal),
        "interest": money(one.interest),
        "amount": money(amount),
        "balance": money(balance),
    }


def _sums(rows: Sequence[Repayment]) -> tuple[Decimal, Decimal, Decimal]:
    principal = sum((row.principal for row in rows), ZERO)
    interest = sum((row.interest for row in rows), ZERO)
    return principal, interest, principal + interest
