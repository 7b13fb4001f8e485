"""What loans, repayments, fees, payments and journal entries can be."""

from django.db import models

from applications.choices import Component


class Account(models.TextChoices):
    """Accounts of the ledger. A debit is a positive amount, a credit a negative one."""

    CASH = "cash", "Cash"
    LOAN_PRINCIPAL = "loan_principal", "Loan principal"
    INTEREST_RECEIVABLE = "interest_receivable", "Interest receivable"
    INTEREST_ACCRUED = "interest_accrued", "Interest accrued, not due"
    FEES_RECEIVABLE = "fees_receivable", "Fees receivable"
    PENALTY_RECEIVABLE = "penalty_receivable", "Penalty receivable"
    UNAPPLIED = "unapplied", "Unapplied money"
    INTEREST_INCOME = "interest_income", "Interest income"
    FEE_INCOME = "fee_income", "Fee income"
    PENALTY_INCOME = "penalty_income", "Penalty income"
    WRITE_OFF = "write_off", "Written off"
    COMMISSION_EXPENSE = "commission_expense", "Commission expense"
    COMMISSION_PAYABLE = "commission_payable", "Commission payable"
    SCHEDULED = "scheduled", "Scheduled repayments (memorandum)"
    SCHEDULED_CONTRA = "scheduled_contra", "Scheduled repayments, contra (memorandum)"


# What the borrower owes is the sum of these; interest is owed when it falls due.
OWED = (
    Account.LOAN_PRINCIPAL,
    Account.INTEREST_RECEIVABLE,
    Account.FEES_RECEIVABLE,
    Account.PENALTY_RECEIVABLE,
    Account.UNAPPLIED,
)


class EntryType(models.TextChoices):
    """What a journal entry tells of."""

    DISBURSEMENT = "disbursement", "Disbursement"
    REPAYMENT_SCHEDULED = "repayment_scheduled", "Repayments scheduled"
    FEE_CREATED = "fee_created", "Fee created"
    FEE_PAID = "fee_paid", "Fee paid"
    FEE_WAIVED = "fee_waived", "Fee waived"
    INTEREST_ACCRUED = "interest_accrued", "Interest accrued"
    INTEREST_CHARGED = "interest_charged", "Interest charged"
    REPAYMENT_RECEIVED = "repayment_received", "Repayment received"
    PAYMENT_APPLIED = "payment_applied", "Unapplied money applied"
    ADJUSTMENT = "adjustment", "Adjustment"
    REVERSAL = "reversal", "Reversal"
    REFUND = "refund", "Refund"
    WRITE_OFF = "write_off", "Write-off"
    COMMISSION_ACCRUED = "commission_accrued", "Commission accrued"
    COMMISSION_CLAWED_BACK = "commission_clawed_back", "Commission clawed back"
    COMMISSION_PAID = "commission_paid", "Commission paid"


# What the lender pays brokers and partners is neither the borrower's business nor the next broker's.
COMMISSION_ENTRIES = (
    EntryType.COMMISSION_ACCRUED,
    EntryType.COMMISSION_CLAWED_BACK,
    EntryType.COMMISSION_PAID,
)


RECEIVABLE: dict[str, Account] = {
    Component.PENALTY: Account.PENALTY_RECEIVABLE,
    Component.FEE: Account.FEES_RECEIVABLE,
    Component.INTEREST: Account.INTEREST_RECEIVABLE,
    Component.PRINCIPAL: Account.LOAN_PRINCIPAL,
}


class LoanStatus(models.TextChoices):
    """Where a settled loan stands."""

    ACTIVE = "active", "Active"
    CLOSED = "closed", "Paid out"
    WRITTEN_OFF = "written_off", "Written off"


class RepaymentStatus(models.TextChoices):
    """Where a scheduled repayment stands; `days_late` says how late a partial one is."""

    SCHEDULED = "scheduled", "Scheduled"
    DUE_SOON = "due_soon", "Due soon"
    OVERDUE = "overdue", "Overdue"
    PARTIAL = "partial", "Partly paid"
    PAID = "paid", "Paid"
    SUPERSEDED = "superseded", "Superseded"


# Those that money is still expected for.
UNPAID = (
    RepaymentStatus.SCHEDULED,
    RepaymentStatus.DUE_SOON,
    RepaymentStatus.OVERDUE,
    RepaymentStatus.PARTIAL,
)


class FeeType(models.TextChoices):
    """What a fee is for."""

    APPLICATION = "application", "Application"
    VALUATION = "valuation", "Valuation"
    LEGAL = "legal", "Legal"
    BROKER = "broker", "Broker"
    SETTLEMENT = "settlement", "Settlement"
    ESTABLISHMENT = "establishment", "Establishment"
    LINE = "line", "Line"
    LATE = "late", "Late"
    OTHER = "other", "Other"


class FeeStatus(models.TextChoices):
    """Where a fee stands."""

    PENDING = "pending", "Pending"
    PAID = "paid", "Paid"
    WAIVED = "waived", "Waived"
    OVERDUE = "overdue", "Overdue"
    REFUNDED = "refunded", "Refunded"


class PaymentMethod(models.TextChoices):
    """How money came or went."""

    DIRECT_DEBIT = "direct_debit", "Direct debit"
    BANK_TRANSFER = "bank_transfer", "Bank transfer"
    CARD = "card", "Card"
    CHEQUE = "cheque", "Cheque"
    CASH = "cash", "Cash"
    DEDUCTION = "deduction", "Deducted at settlement"
    OTHER = "other", "Other"


# Those that people give; deductions are made by a settlement only.
GIVEN_METHODS = [choice for choice in PaymentMethod.choices if choice[0] != PaymentMethod.DEDUCTION]


class PaymentStatus(models.TextChoices):
    """Whether a payment stands."""

    RECEIVED = "received", "Received"
    REVERSED = "reversed", "Reversed"


class CommissionKind(models.TextChoices):
    """What a commission is for. A clawback is negative."""

    UPFRONT = "upfront", "Upfront"
    TRAIL = "trail", "Trail"
    CLAWBACK = "clawback", "Clawback"
    CLAWBACK_REVERSED = "clawback_reversed", "Clawback reversed"


class CommissionStatus(models.TextChoices):
    """Whether a commission has been paid, or a clawback recovered."""

    ACCRUED = "accrued", "Accrued"
    PAID = "paid", "Paid"


class ClawbackMethod(models.TextChoices):
    """How much is clawed back."""

    PRO_RATA = "pro_rata", "In proportion to the days left"
    FULL = "full", "In full"


class PartnerTermsKind(models.TextChoices):
    """What a referral partner gets for a loan that it referred."""

    NONE = "none", "Nothing"
    FLAT = "flat", "A sum for each loan"
    PERCENTAGE = "percentage", "Percent of the amount lent"
    TIERED = "tiered", "Percent by tiers"


class TierBasis(models.TextChoices):
    """What the tiers are of: the amount of each loan, or what the partner's loans of a period add up to."""

    LOAN = "loan", "Amount of the loan"
    MONTH = "month", "Settled amount of the calendar month"
    QUARTER = "quarter", "Settled amount of the quarter"
    FINANCIAL_YEAR = "financial_year", "Settled amount of the financial year"


class Payee(models.TextChoices):
    """Who a commission is paid to: a broker with the branch, or who referred the borrower."""

    BROKER = "broker", "Broker"
    PARTNER = "partner", "Referral partner"


class ArrearsBucket(models.TextChoices):
    """How late the oldest unpaid repayment is, in days."""

    CURRENT = "current", "Current"
    DAYS_1_30 = "1-30", "1–30 days"
    DAYS_31_60 = "31-60", "31–60 days"
    DAYS_61_90 = "61-90", "61–90 days"
    OVER_90 = "90+", "More than 90 days"


class RunStatus(models.TextChoices):
    """Where the nightly work of a business date stands."""

    RUNNING = "running", "Running"
    DONE = "done", "Done"


def bucket_of(days_past_due: int) -> ArrearsBucket:
    """The bucket of so many days past due."""
    for limit, bucket in (
        (0, ArrearsBucket.CURRENT),
        (30, ArrearsBucket.DAYS_1_30),
        (60, ArrearsBucket.DAYS_31_60),
        (90, ArrearsBucket.DAYS_61_90),
    ):
        if days_past_due <= limit:
            return bucket
    return ArrearsBucket.OVER_90
