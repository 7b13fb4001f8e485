"""What parties can be."""

from django.db import models


class PartyType(models.TextChoices):
    """A person or a company."""

    INDIVIDUAL = "individual", "Individual"
    COMPANY = "company", "Company"


class MaritalStatus(models.TextChoices):
    """Marital status of a person."""

    SINGLE = "single", "Single"
    MARRIED = "married", "Married"
    DE_FACTO = "de_facto", "De facto"
    DIVORCED = "divorced", "Divorced"
    WIDOWED = "widowed", "Widowed"


class ResidencyStatus(models.TextChoices):
    """Residency of a person."""

    CITIZEN = "citizen", "Citizen"
    PERMANENT_RESIDENT = "permanent_resident", "Permanent resident"
    TEMPORARY_RESIDENT = "temporary_resident", "Temporary resident"
    FOREIGN_INVESTOR = "foreign_investor", "Foreign investor"


class EmploymentType(models.TextChoices):
    """How a person earns."""

    FULL_TIME = "full_time", "Full time"
    PART_TIME = "part_time", "Part time"
    CASUAL = "casual", "Casual"
    SELF_EMPLOYED = "self_employed", "Self-employed"
    CONTRACTOR = "contractor", "Contractor"
    UNEMPLOYED = "unemployed", "Unemployed"
    RETIRED = "retired", "Retired"


class BusinessType(models.TextChoices):
    """Legal form of a company."""

    SOLE_PROPRIETORSHIP = "sole_proprietorship", "Sole proprietorship"
    PARTNERSHIP = "partnership", "Partnership"
    PTY_LTD = "pty_ltd", "Proprietary limited"
    PUBLIC_COMPANY = "public_company", "Public company"
    TRUST = "trust", "Trust"
    NON_PROFIT = "non_profit", "Non-profit"


class Relationship(models.TextChoices):
    """What a guarantor is to the borrower."""

    SPOUSE = "spouse", "Spouse"
    PARENT = "parent", "Parent"
    CHILD = "child", "Child"
    SIBLING = "sibling", "Sibling"
    BUSINESS_PARTNER = "business_partner", "Business partner"
    FRIEND = "friend", "Friend"
    OTHER = "other", "Other"


class IdentityDocumentType(models.TextChoices):
    """What proves who somebody is."""

    PASSPORT = "passport", "Passport"
    DRIVERS_LICENCE = "drivers_licence", "Driver's licence"
    MEDICARE_CARD = "medicare_card", "Medicare card"
    BIRTH_CERTIFICATE = "birth_certificate", "Birth certificate"
    CITIZENSHIP_CERTIFICATE = "citizenship_certificate", "Citizenship certificate"
    PROOF_OF_AGE_CARD = "proof_of_age_card", "Proof of age card"
    OTHER = "other", "Other"


class AssetType(models.TextChoices):
    """What a borrower owns."""

    REAL_ESTATE = "real_estate", "Real estate"
    VEHICLE = "vehicle", "Vehicle"
    SAVINGS = "savings", "Savings"
    SHARES = "shares", "Shares"
    SUPERANNUATION = "superannuation", "Superannuation"
    BUSINESS = "business", "Business"
    OTHER = "other", "Other"


class LiabilityType(models.TextChoices):
    """What a borrower owes. HECS is the study debt that the tax office collects (HELP)."""

    MORTGAGE = "mortgage", "Mortgage"
    PERSONAL_LOAN = "personal_loan", "Personal loan"
    CAR_LOAN = "car_loan", "Car loan"
    CREDIT_CARD = "credit_card", "Credit card"
    HECS = "hecs", "HECS-HELP"
    OTHER = "other", "Other"
