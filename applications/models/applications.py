"""Applications, who is on them, what secures them, and the stages they went through."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.crypto import get_random_string

from applications.choices import MAX_TERM_MONTHS, UNSECURED_TYPES, ApplicationType, RepaymentFrequency, Stage
from applications.models.products import Product
from applications.stages import ASIDE, PATH, is_approved, is_submitted
from borrowers.models import Borrower, Guarantor
from brokers.models import Bdm, Branch, Broker, Partnership
from crm_backend.common.australia import validate_phone
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, one_id, where
from users.choices import Role

REFERENCE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def new_reference() -> str:
    """A reference number, `APP-` and 8 of A–Z0–9."""
    return "APP-" + get_random_string(8, REFERENCE_ALPHABET)


class ApplicationQuerySet(ScopedQuerySet):
    """Applications, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where(
            "where I am the BDM, or in my branch",
            lambda user: (
                Q(bd=one_id(Bdm.objects.filter(user=user)))
                | Q(branch=one_id(Bdm.objects.filter(user=user), "branch"))
            ),
        ),
        Role.BROKER: where(
            "where I am the broker", lambda user: Q(broker=one_id(Broker.objects.filter(user=user)))
        ),
        Role.CLIENT: where(
            "where one of my borrower profiles is on it",
            lambda user: Q(
                pk__in=ApplicationBorrower.objects.filter(borrower__user=user).values("application")
            ),
        ),
    }


class Application(TimestampedModel):
    """A loan application. Amounts are AUD, the rate percent per annum, the term months.

    `came_from` is the stage before an aside stage (more information, declined, withdrawn).
    """

    reference_number = models.CharField(max_length=12, default=new_reference, editable=False)
    application_type = models.CharField(
        max_length=16, choices=ApplicationType.choices, default=ApplicationType.RESIDENTIAL
    )
    product = models.ForeignKey(
        Product,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
        db_index=False,
    )
    purpose = models.CharField(max_length=500, blank=True)
    loan_amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="AUD.",
    )
    approved_amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="AUD; what the lender agreed to. Only the lender's staff set it.",
    )
    loan_term = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TERM_MONTHS)], help_text="Months."
    )
    interest_rate = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent per annum.",
    )
    repayment_frequency = models.CharField(
        max_length=16, choices=RepaymentFrequency.choices, default=RepaymentFrequency.MONTHLY
    )
    estimated_settlement_date = models.DateField(null=True, blank=True)
    valuer_company = models.CharField(max_length=200, blank=True)
    valuer_contact = models.CharField(max_length=200, blank=True)
    valuer_phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    valuer_email = models.EmailField(blank=True)
    quantity_surveyor_company = models.CharField(max_length=200, blank=True)
    quantity_surveyor_contact = models.CharField(max_length=200, blank=True)
    quantity_surveyor_phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    quantity_surveyor_email = models.EmailField(blank=True)
    stage = models.CharField(max_length=24, choices=Stage.choices, default=Stage.INQUIRY, editable=False)
    came_from = models.CharField(max_length=24, choices=Stage.choices, blank=True, editable=False)
    stage_entered_at = models.DateTimeField(editable=False)
    # Since when it had been in its stage when its BDM was told that it does not move.
    stage_told_for = models.DateTimeField(null=True, editable=False)
    broker = models.ForeignKey(
        Broker, on_delete=models.PROTECT, null=True, blank=True, related_name="applications", db_index=False
    )
    bd = models.ForeignKey(
        Bdm, on_delete=models.PROTECT, null=True, blank=True, related_name="applications", db_index=False
    )
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="applications", db_index=False
    )
    referral_partner = models.ForeignKey(
        Partnership,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
        db_index=False,
        help_text="Who referred it; only the lender's staff see and set it.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    client_reference = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="The importer's own number of it."
    )
    borrowers = models.ManyToManyField(Borrower, through="ApplicationBorrower", related_name="applications")
    guarantors = models.ManyToManyField(
        Guarantor, through="ApplicationGuarantor", related_name="applications"
    )

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Not `unique=True`, which would bring a second index, for LIKE, that nothing uses.
            models.UniqueConstraint(name="application_reference_once", fields=["reference_number"]),
            models.CheckConstraint(name="application_amount_positive", condition=Q(loan_amount__gt=0)),
            models.CheckConstraint(
                name="application_approved_positive",
                condition=Q(approved_amount=None) | Q(approved_amount__gt=0),
            ),
            models.CheckConstraint(
                name="application_term_in_range", condition=Q(loan_term__range=(1, MAX_TERM_MONTHS))
            ),
            models.CheckConstraint(
                name="application_rate_in_range", condition=Q(interest_rate__range=(0, 100))
            ),
            models.CheckConstraint(name="application_stage_known", condition=Q(stage__in=Stage.values)),
            models.CheckConstraint(
                name="application_came_from_when_aside",
                condition=Q(stage__in=PATH, came_from="") | (Q(stage__in=ASIDE) & ~Q(came_from="")),
            ),
            models.UniqueConstraint(
                name="application_client_reference_once",
                fields=["client_reference", "created_by"],
                condition=~Q(client_reference=""),
            ),
        ]
        # docs/performance.md says which query uses which.
        indexes = [
            models.Index(name="application_recent", fields=["-created_at", "-id"]),
            models.Index(name="application_stage", fields=["stage", "-created_at", "-id"]),
            models.Index(name="application_type", fields=["application_type", "-created_at", "-id"]),
            models.Index(name="application_repayment", fields=["repayment_frequency", "-created_at", "-id"]),
            models.Index(name="application_broker", fields=["broker", "-created_at", "-id"]),
            models.Index(name="application_bd", fields=["bd", "-created_at", "-id"]),
            models.Index(name="application_branch", fields=["branch", "-created_at", "-id"]),
            models.Index(name="application_product", fields=["product", "-created_at", "-id"]),
            models.Index(
                name="application_referred",
                fields=["referral_partner", "-created_at", "-id"],
                condition=Q(referral_partner__isnull=False),
            ),
            models.Index(name="application_amount", fields=["loan_amount", "id"]),
            models.Index(name="application_rate", fields=["interest_rate", "id"]),
            models.Index(name="application_changed", fields=["updated_at", "id"]),
            models.Index(name="application_in_stage", fields=["stage_entered_at", "id"]),
            models.Index(name="application_settlement", fields=["estimated_settlement_date", "id"]),
        ]

    def __str__(self) -> str:
        return self.reference_number

    @property
    def is_settled(self) -> bool:
        """Whether the money has been lent, so that its terms are history."""
        return self.stage in (Stage.SETTLED, Stage.CLOSED)

    @property
    def is_ended(self) -> bool:
        """Whether it came to nothing."""
        return self.stage in (Stage.DECLINED, Stage.WITHDRAWN)

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way."""
        return not self.is_settled and not self.is_ended

    @property
    def needs_security(self) -> bool:
        """Whether it is approved with a security only: as its product says, or without one, its type."""
        if self.product is not None:
            return self.product.is_secured
        return self.application_type not in UNSECURED_TYPES

    @property
    def is_approved(self) -> bool:
        """Whether it has been formally approved; an aside stage counts as where it came from."""
        return is_approved(self.stage, self.came_from)

    @property
    @reads("loan_amount", "approved_amount")
    def amount_to_lend(self) -> Decimal:
        """What the lender agreed to lend, AUD; before that, what was asked for."""
        return self.loan_amount if self.approved_amount is None else self.approved_amount

    @property
    def is_submitted(self) -> bool:
        """Whether it has been submitted, so that its terms are the lender's to change."""
        return is_submitted(self.stage, self.came_from)


class SearchDocument(models.Model):
    """What an application is found by, in capitals: its reference and purpose, and who is on it.

    Triggers keep it, whoever writes (`migrations/0006_search_document.py`). Each name or address begins a
    line, and each word of it follows a space.
    """

    application = models.OneToOneField(
        Application, on_delete=models.CASCADE, primary_key=True, related_name="search_document"
    )
    text = models.TextField()

    class Meta:
        indexes = [GinIndex(name="search_document_text", fields=["text"], opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return f"search document of application {self.application_id}"


class ApplicationBorrower(models.Model):
    """A borrower on an application, in the order given; the first is the primary one."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="borrower_links", db_index=False
    )
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="application_links")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="application_borrower_once", fields=["application", "borrower"])
        ]
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"borrower {self.borrower_id} on application {self.application_id}"


class ApplicationGuarantor(models.Model):
    """A guarantor on an application, in the order given."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="guarantor_links", db_index=False
    )
    guarantor = models.ForeignKey(Guarantor, on_delete=models.PROTECT, related_name="application_links")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="application_guarantor_once", fields=["application", "guarantor"])
        ]
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"guarantor {self.guarantor_id} on application {self.application_id}"


class StageChange(models.Model):
    """One move: from, to, who, when, why, and how long the application was where it came from."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="stage_changes", db_index=False
    )
    from_stage = models.CharField(max_length=24, choices=Stage.choices, blank=True)
    to_stage = models.CharField(max_length=24, choices=Stage.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    reason = models.CharField(max_length=500, blank=True)
    notes = models.TextField(blank=True)
    changed_at = models.DateTimeField()
    seconds_in_stage = models.BigIntegerField(default=0, help_text="Seconds spent in `from_stage`.")

    class Meta:
        constraints = [
            models.CheckConstraint(name="stage_change_time_positive", condition=Q(seconds_in_stage__gte=0))
        ]
        indexes = [models.Index(name="stage_change_history", fields=["application", "id"])]

    def __str__(self) -> str:
        return f"{self.from_stage or 'new'} → {self.to_stage}"


class FundingCalculation(models.Model):
    """One run of the funding calculator: kept with its input and result, never overwritten."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="funding_calculations", db_index=False
    )
    input = models.JSONField()
    result = models.JSONField()
    calculated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    calculated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(name="funding_calculation_recent", fields=["application", "-id"])]

    def __str__(self) -> str:
        return f"funding calculation {self.pk} of application {self.application_id}"
