"""Interest as it is earned: in the ledger by the close of each month, and all of it when it falls due.

What ought to be accrued is a function of the schedule and a day (`selectors.accruals`). What is posted is the
difference to what the account has: so nothing is lost to rounding, a night that is done twice posts nothing,
and other terms correct what was accrued by those before.
"""

from datetime import date, timedelta
from decimal import Decimal

from servicing.choices import Account, EntryType, LoanStatus
from servicing.models import Repayment
from servicing.selectors.accruals import accrued, closes
from servicing.services.ledger import OpenLedger


def charge(ledger: OpenLedger, repayment: Repayment, on: date) -> None:
    """Let the interest of a repayment fall due; what is not to be paid with it joins the loan.

    What was accrued of it before is no income a second time.
    """
    kept = ledger.balances[Account.INTEREST_ACCRUED]
    before = kept - accrued(ledger.facts, ledger.loan.accrued_to, without=repayment) if kept else kept
    ledger.post(
        EntryType.INTEREST_CHARGED,
        on,
        {
            Account.INTEREST_RECEIVABLE: repayment.interest - repayment.capitalised,
            Account.LOAN_PRINCIPAL: repayment.capitalised,
            Account.INTEREST_ACCRUED: -before,
            Account.INTEREST_INCOME: before - repayment.interest,
        },
        f"Interest of repayment {repayment.number}, due {repayment.due_date}",
        repayment=repayment,
    )
    ledger.set(repayment, charged_on=on)


def take_back(ledger: OpenLedger, repayment: Repayment) -> None:
    """What was charged because it was paid ahead is not due, now that the payment is gone."""
    ledger.set(repayment, charged_on=None)
    wanted = accrued(ledger.facts, ledger.loan.accrued_to)
    earned = wanted - ledger.balances[Account.INTEREST_ACCRUED]
    ledger.post(
        EntryType.ADJUSTMENT,
        ledger.today,
        {
            Account.INTEREST_RECEIVABLE: repayment.capitalised - repayment.interest,
            Account.LOAN_PRINCIPAL: -repayment.capitalised,
            Account.INTEREST_ACCRUED: earned,
            Account.INTEREST_INCOME: repayment.interest - earned,
        },
        f"Interest of repayment {repayment.number} is not due before {repayment.due_date}",
        repayment=repayment,
    )


def accrue(ledger: OpenLedger, *, before: date) -> int:
    """Accrue by the close of each month that ended before a day and was not done; how many entries."""
    loan, posted = ledger.facts.loan, 0
    if loan is None or loan.status != LoanStatus.ACTIVE:
        return 0
    for close in closes(loan, before):
        ledger.set(loan, accrued_to=close)
        posted += _post(ledger, accrued(ledger.facts, close), close, f"Interest earned by {close}")
    return posted


def follow_terms(ledger: OpenLedger) -> None:
    """After a change of terms: what was earned by the last close is what the terms now say."""
    wanted = accrued(ledger.facts, ledger.loan.accrued_to)
    _post(ledger, wanted, ledger.today, f"Interest earned by {ledger.loan.accrued_to}, by the new terms")


def accrue_to_today(ledger: OpenLedger) -> None:
    """Accrue what was earned by the beginning of today: what the payoff figure has of it."""
    close = ledger.today - timedelta(days=1)
    _post(ledger, accrued(ledger.facts, close), ledger.today, f"Interest earned by {close}")


def _post(ledger: OpenLedger, wanted: Decimal, on: date, words: str) -> bool:
    """Bring the account to an amount; whether there was anything to post."""
    more = wanted - ledger.balances[Account.INTEREST_ACCRUED]
    lines = {Account.INTEREST_ACCRUED: more, Account.INTEREST_INCOME: -more}
    return ledger.post(EntryType.INTEREST_ACCRUED, on, lines, words) is not None
