"""The rows of this app: `loans`, `fees`, `payments`, `ledger`, `commissions`, `partners`, `runs`."""

from servicing.models.commissions import Commission, CommissionTerms, LoanCommission
from servicing.models.fees import Fee
from servicing.models.ledger import AccountBalance, JournalEntry, JournalLine
from servicing.models.loans import Loan, Repayment, ScheduleVersion, WriteOff
from servicing.models.partners import PartnerCommission, PartnershipTerms, PartnershipTier
from servicing.models.payments import Payment, PaymentShare, Refund
from servicing.models.runs import NightlyRun

__all__ = [
    "AccountBalance",
    "Commission",
    "CommissionTerms",
    "Fee",
    "JournalEntry",
    "JournalLine",
    "Loan",
    "LoanCommission",
    "NightlyRun",
    "PartnerCommission",
    "PartnershipTerms",
    "PartnershipTier",
    "Payment",
    "PaymentShare",
    "Refund",
    "Repayment",
    "ScheduleVersion",
    "WriteOff",
]
