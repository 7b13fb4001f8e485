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


class LetterType(models.TextChoices):
    """The letters and agreements that are made from templates."""

    INDICATIVE = "indicative", "Indicative letter of offer"
    APPROVAL = "approval", "Formal approval"
    SETTLEMENT = "settlement", "Settlement letter"
    REMINDER = "reminder", "Reminder of a repayment"
    RENEWAL = "renewal", "Renewal offer"
    EXTENSION = "extension", "Extension of the term"
    DISCHARGE = "discharge", "Discharge and payout"
    LOAN_AGREEMENT = "loan_agreement", "Loan agreement"
    GUARANTOR_LETTER = "guarantor_letter", "Guarantor letter"
    STATEMENT = "statement", "Statement of account"


class LetterFormat(models.TextChoices):
    """What a letter can be made as."""

    PDF = "pdf", "PDF"
    DOCX = "docx", "Word"


class SignatureRequestStatus(models.TextChoices):
    """How far a request for signatures is."""

    SENDING = "sending", "Being sent"  # an outside provider is to be told
    OPEN = "open", "Open"
    SEALING = "sealing", "Being sealed"  # all have signed; the signed file is being made
    COMPLETED = "completed", "Completed"
    DECLINED = "declined", "Declined"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "Failed"  # the provider did not take it


UNFINISHED_REQUESTS = (
    SignatureRequestStatus.SENDING,
    SignatureRequestStatus.OPEN,
    SignatureRequestStatus.SEALING,
)


class SignerStatus(models.TextChoices):
    """What a signer has done."""

    WAITING = "waiting", "Waiting"
    SIGNED = "signed", "Signed"
    DECLINED = "declined", "Declined"


class SigningMethod(models.TextChoices):
    """How somebody signed."""

    DRAWN = "drawn", "Drawn"
    TYPED = "typed", "Typed"
    PROVIDER = "provider", "By an outside provider"


class SigningMailKind(models.TextChoices):
    """What a signer is written about."""

    INVITATION = "invitation", "Invitation"
    REMINDER = "reminder", "Reminder"
    COMPLETED = "completed", "Completed"


class SigningMailStatus(models.TextChoices):
    """How far a mail is."""

    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
