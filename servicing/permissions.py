"""Who may do what with loans and their money: the lender's staff write, who is on the application reads."""

from crm_backend.common.policy import ADMIN, Policy
from servicing.models import (
    Commission,
    CommissionTerms,
    Fee,
    JournalEntry,
    Loan,
    PartnerCommission,
    PartnershipTerms,
    Payment,
    Repayment,
)
from users.choices import Role
from users.permissions import EVERYONE

STAFF = (ADMIN, Role.BD)

# A preview reads no rows and writes none.
SCHEDULES = Policy("schedules", None, {"preview": EVERYONE})

LOANS = Policy(
    "loans",
    Loan,
    {
        "settle": STAFF,
        "schedule": EVERYONE,
        "payoff": EVERYONE,
        "pay_out": STAFF,
        "extend_loan": STAFF,
        "write_off": STAFF,
    },
)

FEES = Policy(
    "fees",
    Fee,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": STAFF,
        "update": STAFF,
        "destroy": STAFF,
        "mark_paid": STAFF,
        "waive": STAFF,
    },
)

REPAYMENTS = Policy("repayments", Repayment, {"list": EVERYONE, "retrieve": EVERYONE, "mark_paid": STAFF})

PAYMENTS = Policy(
    "payments",
    Payment,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "record_payment": STAFF,
        "reverse": STAFF,
        "refund": STAFF,
    },
)

LEDGER = Policy("ledger", JournalEntry, {"list": EVERYONE, "statement": EVERYONE})

COMMISSIONS = Policy(
    "commissions",
    Commission,
    {
        "list": (ADMIN, Role.BD, Role.BROKER),
        "retrieve": (ADMIN, Role.BD, Role.BROKER),
        "mark_paid": (ADMIN,),
        "pay": (ADMIN,),
    },
)

COMMISSION_TERMS = Policy(
    "commission-terms",
    CommissionTerms,
    {
        "list": (ADMIN,),
        "retrieve": (ADMIN,),
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
    },
)

PARTNER_COMMISSIONS = Policy(
    "partner-commissions",
    PartnerCommission,
    {"list": STAFF, "retrieve": STAFF, "mark_paid": (ADMIN,)},
)

PARTNERSHIP_TERMS = Policy(
    "partnership-terms",
    PartnershipTerms,
    {"list": STAFF, "retrieve": STAFF, "create": (ADMIN,), "destroy": (ADMIN,)},
)
