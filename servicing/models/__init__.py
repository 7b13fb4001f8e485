"""The rows of this app: `loans`, `fees`, `payments`, `ledger`, `runs`."""

from servicing.models.fees import Fee
from servicing.models.ledger import AccountBalance, JournalEntry, JournalLine
from servicing.models.loans import Loan, Repayment, ScheduleVersion, WriteOff
from servicing.models.payments import Payment, PaymentShare, Refund
from servicing.models.runs import NightlyRun

__all__ = [
    "AccountBalance",
    "Fee",
    "JournalEntry",
    "JournalLine",
    "Loan",
    "NightlyRun",
    "Payment",
    "PaymentShare",
    "Refund",
    "Repayment",
    "ScheduleVersion",
    "WriteOff",
]
