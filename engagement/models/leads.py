"""Leads: people who may become borrowers, and whose turn it is to be given one."""

from decimal import Decimal
from functools import reduce
from operator import or_

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from applications.choices import ApplicationType
from applications.models import Application
from borrowers.models import Borrower
from brokers.models import Bdm, Branch, Partnership
from crm_backend.common.australia import State, validate_phone
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, one_id, where
from engagement.choices import (
    TEMPERATURES,
    LeadSource,
    LeadStatus,
    Temperature,
    Timeframe,
    Urgency,
)
from users.choices import Role


def _temperature_fits() -> Q:
    """A temperature is what the score amounts to."""
    parts, above = [], 101
    for temperature, least in TEMPERATURES.items():
        parts.append(Q(temperature=temperature, score__gte=least, score__lt=above))
        above = least
    return reduce(or_, parts)


class LeadQuerySet(ScopedQuerySet):
    """Leads, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where(
            "in my branch", lambda user: Q(branch=one_id(Bdm.objects.filter(user=user), "branch"))
        ),
        Role.BROKER: where("where I am the assignee", lambda user: Q(assignee=user.pk)),
    }


class Lead(TimestampedModel):
    """Someone who asked for a loan, or was brought to us. Amounts are AUD.

    `score` and `temperature` are kept by `engagement.scoring`, with `score_breakdown` to explain them.
    `email` is in lower case and `phone` is E.164: repeated submissions are found by them. An assignee is the
    login of a BDM or a broker, and belongs to the lead's branch.
    """

    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    company_name = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=3, choices=State.choices, blank=True)
    loan_amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="AUD, as wanted.",
    )
    application_type = models.CharField(max_length=16, choices=ApplicationType.choices, blank=True)
    purpose = models.CharField(max_length=500, blank=True)
    message = models.TextField(max_length=4000, blank=True, help_text="What they wrote.")
    annual_income = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="AUD a year, before tax, as they say.",
    )
    deposit = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="AUD of their own money.",
    )
    is_decision_maker = models.BooleanField(null=True, blank=True, help_text="Whether they decide.")
    timeframe = models.CharField(max_length=16, choices=Timeframe.choices, blank=True)
    status = models.CharField(
        max_length=24, choices=LeadStatus.choices, default=LeadStatus.NEW, editable=False
    )
    status_changed_at = models.DateTimeField(editable=False)
    lost_reason = models.CharField(max_length=500, blank=True, editable=False)
    source = models.CharField(max_length=24, choices=LeadSource.choices, default=LeadSource.OTHER)
    urgency = models.CharField(max_length=8, choices=Urgency.choices, default=Urgency.MEDIUM)
    score = models.PositiveSmallIntegerField(default=0, editable=False, help_text="0 to 100.")
    score_breakdown = models.JSONField(default=dict, editable=False)
    temperature = models.CharField(
        max_length=8, choices=Temperature.choices, default=Temperature.COLD, editable=False
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="leads",
        db_index=False,
    )
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="leads", db_index=False
    )
    partnership = models.ForeignKey(
        Partnership,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="leads",
        db_index=False,
        help_text="Who referred them; only the lender's staff see and set it.",
    )
    follow_up_on = models.DateField(null=True, blank=True)
    # The follow-up of which the assignee was told, and who that was.
    follow_up_told_on = models.DateField(null=True, editable=False)
    follow_up_told = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        editable=False,
    )
    consent_to_contact = models.BooleanField(default=False, help_text="Whether they agreed to be contacted.")
    consented_at = models.DateTimeField(null=True, editable=False)
    utm_source = models.CharField(max_length=100, blank=True)
    utm_medium = models.CharField(max_length=100, blank=True)
    utm_campaign = models.CharField(max_length=100, blank=True)
    utm_term = models.CharField(max_length=100, blank=True)
    utm_content = models.CharField(max_length=100, blank=True)
    landing_page = models.URLField(max_length=500, blank=True)
    submission_count = models.PositiveIntegerField(
        default=1, editable=False, help_text="How often they asked, the first time included."
    )
    last_submitted_at = models.DateTimeField(editable=False)
    conversation_count = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="How often they were talked with: calls, meetings, visits, and what they wrote.",
    )
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, related_name="leads", editable=False
    )
    application = models.OneToOneField(
        Application, on_delete=models.SET_NULL, null=True, related_name="lead", editable=False
    )
    converted_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )

    objects = LeadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="lead_named_and_reachable",
                condition=~Q(first_name="") & ~Q(last_name="") & ~Q(email="", phone=""),
            ),
            models.CheckConstraint(
                name="lead_amounts_not_negative",
                condition=(Q(loan_amount=None) | Q(loan_amount__gt=0))
                & (Q(annual_income=None) | Q(annual_income__gte=0))
                & (Q(deposit=None) | Q(deposit__gte=0)),
            ),
            models.CheckConstraint(name="lead_status_known", condition=Q(status__in=LeadStatus.values)),
            models.CheckConstraint(name="lead_source_known", condition=Q(source__in=LeadSource.values)),
            models.CheckConstraint(name="lead_urgency_known", condition=Q(urgency__in=Urgency.values)),
            models.CheckConstraint(name="lead_temperature_fits", condition=_temperature_fits()),
            models.CheckConstraint(
                name="lead_lost_with_reason",
                condition=(Q(status=LeadStatus.LOST) & ~Q(lost_reason=""))
                | (~Q(status=LeadStatus.LOST) & Q(lost_reason="")),
            ),
            models.CheckConstraint(
                name="lead_converted_with_borrower",
                condition=Q(converted_at=None, borrower=None, application=None)
                | Q(converted_at__isnull=False, borrower__isnull=False),
            ),
            models.CheckConstraint(
                name="lead_started_when_converted",
                condition=~Q(status__in=(LeadStatus.APPLICATION_STARTED, LeadStatus.WON))
                | Q(converted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="lead_assignee_in_branch",
                condition=Q(assignee=None) | Q(branch__isnull=False),
            ),
            models.CheckConstraint(
                name="lead_partner_is_the_source",
                condition=Q(partnership=None) | Q(source=LeadSource.PARTNER_REFERRAL),
            ),
        ]
        indexes = [
            models.Index(name="lead_recent", fields=["-created_at", "-id"]),
            models.Index(name="lead_status", fields=["status", "-created_at", "-id"]),
            models.Index(name="lead_source", fields=["source", "-created_at", "-id"]),
            models.Index(name="lead_urgency", fields=["urgency", "-created_at", "-id"]),
            models.Index(name="lead_temperature", fields=["temperature", "-score", "-id"]),
            models.Index(name="lead_assignee", fields=["assignee", "-created_at", "-id"]),
            models.Index(name="lead_branch", fields=["branch", "-created_at", "-id"]),
            models.Index(
                name="lead_partnership",
                fields=["partnership", "-created_at", "-id"],
                condition=Q(partnership__isnull=False),
            ),
            models.Index(name="lead_score", fields=["score", "id"]),
            models.Index(name="lead_amount", fields=["loan_amount", "id"]),
            models.Index(name="lead_changed", fields=["updated_at", "id"]),
            models.Index(name="lead_follow_up", fields=["follow_up_on", "id"]),
            # What repeated submissions are found by.
            models.Index(name="lead_email", fields=["email"], condition=~Q(email="")),
            models.Index(name="lead_phone", fields=["phone"], condition=~Q(phone="")),
            GinIndex(
                OpClass(Upper("first_name"), "gin_trgm_ops"),
                OpClass(Upper("last_name"), "gin_trgm_ops"),
                OpClass(Upper("company_name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                OpClass(Upper("phone"), "gin_trgm_ops"),
                name="lead_search",
            ),
        ]

    @reads("first_name", "last_name")
    def __str__(self) -> str:
        return self.full_name

    @property
    @reads("first_name", "last_name")
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


class LeadTurn(models.Model):
    """Who got the latest lead of a branch by turns; its row is the lock of the turns."""

    branch = models.OneToOneField(Branch, on_delete=models.CASCADE, primary_key=True, related_name="+")
    last = models.ForeignKey(Bdm, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"turns of branch {self.pk}"
