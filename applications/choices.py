"""What applications and securities can be."""

from django.db import models

MAX_TERM_MONTHS = 600


class Stage(models.TextChoices):
    """Where an application stands."""

    INQUIRY = "inquiry", "Inquiry"
    SENT_TO_LENDER = "sent_to_lender", "Sent to lender"
    FUNDING_TABLE_ISSUED = "funding_table_issued", "Funding table issued"
    ILOO_ISSUED = "iloo_issued", "Indicative letter of offer issued"
    ILOO_SIGNED = "iloo_signed", "Indicative letter of offer signed"
    COMMITMENT_FEE_PAID = "commitment_fee_paid", "Commitment fee paid"
    APP_SUBMITTED = "app_submitted", "Application submitted"
    VALUATION_ORDERED = "valuation_ordered", "Valuation ordered"
    VALUATION_RECEIVED = "valuation_received", "Valuation received"
    FORMAL_APPROVAL = "formal_approval", "Formal approval"
    LOAN_DOCS_INSTRUCTED = "loan_docs_instructed", "Loan documents instructed"
    LOAN_DOCS_ISSUED = "loan_docs_issued", "Loan documents issued"
    LOAN_DOCS_SIGNED = "loan_docs_signed", "Loan documents signed"
    SETTLEMENT_CONDITIONS = "settlement_conditions", "Settlement conditions"
    SETTLED = "settled", "Settled"
    CLOSED = "closed", "Closed"
    MORE_INFO_REQUIRED = "more_info_required", "More information required"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ApplicationType(models.TextChoices):
    """What kind of loan."""

    RESIDENTIAL = "residential", "Residential"
    COMMERCIAL = "commercial", "Commercial"
    CONSTRUCTION = "construction", "Construction"
    REFINANCE = "refinance", "Refinance"
    INVESTMENT = "investment", "Investment"
    SMSF = "smsf", "Self-managed super fund"
    PERSONAL = "personal", "Personal"
    ASSET_FINANCE = "asset_finance", "Asset finance"


# Loans that a lender gives without a security.
UNSECURED_TYPES = frozenset({ApplicationType.PERSONAL})


class RepaymentFrequency(models.TextChoices):
    """How often an instalment falls due."""

    WEEKLY = "weekly", "Weekly"
    FORTNIGHTLY = "fortnightly", "Fortnightly"
    MONTHLY = "monthly", "Monthly"
    QUARTERLY = "quarterly", "Quarterly"
    ANNUALLY = "annually", "Annually"


class SecurityType(models.TextChoices):
    """What secures a loan."""

    FIRST_MORTGAGE = "first_mortgage", "First mortgage"
    SECOND_MORTGAGE = "second_mortgage", "Second mortgage"
    CAVEAT = "caveat", "Caveat"
    COMPANY_CHARGE = "company_charge", "Company charge"
    GUARANTEE = "guarantee", "Guarantee"
    OTHER = "other", "Other"


class RepaymentMethod(models.TextChoices):
    """How instalments are made up of interest and principal."""

    EQUAL_INSTALMENTS = "equal_instalments", "Equal instalments"
    EQUAL_PRINCIPAL = "equal_principal", "Equal principal"
    INTEREST_ONLY = "interest_only", "Interest only"
    BULLET = "bullet", "Bullet"
    FIXED_PRINCIPAL_PERCENTAGE = "fixed_principal_percentage", "Fixed principal percentage"


class DayCount(models.TextChoices):
    """How days turn into a part of a year."""

    THIRTY_360 = "30_360", "30/360"
    ACT_365 = "act_365", "ACT/365F"
    ACT_360 = "act_360", "ACT/360"
    ACT_ACT = "act_act", "ACT/ACT (ISDA)"
    EQUAL_PERIODS = "equal_periods", "Equal periods"


class Rounding(models.TextChoices):
    """How interest is rounded to the cent."""

    HALF_UP = "half_up", "Half up"
    HALF_EVEN = "half_even", "Half even"


class Component(models.TextChoices):
    """The parts of what is owed on a loan that a payment can go to."""

    PENALTY = "penalty", "Penalty"
    FEE = "fee", "Fee"
    INTEREST = "interest", "Interest"
    PRINCIPAL = "principal", "Principal"


def usual_allocation() -> list[str]:
    """What a payment pays first where nothing else is said."""
    return list(Component.values)
