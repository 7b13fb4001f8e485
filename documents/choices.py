"""Who a note is for; what documents are, and how far their versions are."""

from django.db import models


class NoteVisibility(models.TextChoices):
    """How far a note reaches; each level includes those before it."""

    INTERNAL = "internal", "Lender's staff"
    BROKER = "broker", "Staff and broker"
    CLIENT = "client", "Staff, broker and client"


class DocumentKind(models.TextChoices):
    """What a document is about."""

    IDENTIFICATION = "identification", "Identification"
    INCOME = "income", "Proof of income"
    BANK_STATEMENT = "bank_statement", "Bank statement"
    TAX = "tax", "Tax return or assessment"
    COMPANY = "company", "Company document"
    VALUATION = "valuation", "Valuation"
    CONTRACT = "contract", "Contract of sale"
    TITLE = "title", "Title or security document"
    INSURANCE = "insurance", "Insurance"
    LETTER = "letter", "Letter"
    AGREEMENT = "agreement", "Agreement"
    STATEMENT = "statement", "Loan statement"
    OTHER = "other", "Other"


class VersionStatus(models.TextChoices):
    """How far a version is."""

    PROCESSING = "processing", "Processing"  # pages, text and thumbnail are not known yet
    READY = "ready", "Ready"
    QUARANTINED = "quarantined", "Quarantined"  # the scan found something; nobody downloads it


class BatchOutcome(models.TextChoices):
    """What came of one file of a batch."""

    WAITING = "waiting", "Waiting"
    KEPT = "kept", "Kept"
    REFUSED = "refused", "Refused"
