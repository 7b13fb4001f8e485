"""Settled loans, their schedules and repayments."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from applications.choices import Component, DayCount, RepaymentFrequency, RepaymentMethod, Rounding
from applications.models import Application
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from servicing.choices import UNPAID, LoanStatus, RepaymentStatus
from servicing.models.scopes import SUM_DIGITS, OfApplicationQuerySet, money, part


class Loan(TimestampedModel):
    """A settled loan: the rules it was settled on, and where it stands. Its terms are its schedule's.

    `oldest_due` is the due date of the oldest repayment that has fallen due and is not paid in full: days
    past due are counted from it, on whatever day they are asked for. `accrued_to` is the last close of a
    month by which the ledger has the interest that was earned; null: none since settlement.
    """

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="loan")
    status = models.CharField(max_length=16, choices=LoanStatus.choices, default=LoanStatus.ACTIVE)
    settled_on = models.DateField()
    closed_on = models.DateField(null=True, help_text="When it was paid out or written off.")
    allocation_order = ArrayField(
        models.CharField(max_length=16, choices=Component.choices), help_text="What a payment pays first."
    )
    late_fee = money(null=True, help_text="AUD for each repayment that is late; none if null.")
    late_fee_after_days = models.PositiveSmallIntegerField(default=1)
    oldest_due = models.DateField(null=True)
    accrued_to = models.DateField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="loan_status_known", condition=Q(status__in=LoanStatus.values)),
            models.CheckConstraint(
                name="loan_closed_on_when_closed",
                condition=Q(status=LoanStatus.ACTIVE, closed_on=None)
                | (~Q(status=LoanStatus.ACTIVE) & Q(closed_on__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                name="loan_in_arrears", fields=["oldest_due", "id"], condition=Q(oldest_due__isnull=False)
            ),
            # What the first night of a month looks for.
            models.Index(
                name="loan_to_accrue",
                fields=["application", "accrued_to", "settled_on"],
                condition=Q(status=LoanStatus.ACTIVE),
            ),
        ]

    def __str__(self) -> str:
        return f"loan of application {self.application_id}"

    def days_past_due(self, today: date) -> int:
        """Days since the oldest unpaid repayment fell due; 0 when there is none."""
        return max(0, (today - self.oldest_due).days) if self.oldest_due else 0


class ScheduleVersion(models.Model):
    """The terms of one schedule of a loan. A change of terms adds one; those before stay, superseded.

    Amounts are AUD, rates percent (of interest: per annum); `servicing.schedule.Terms` says what each means.
    `advanced` is what was disbursed with it: all of the first one's principal, and of a later one what was
    lent in addition.
    """

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="schedules", db_index=False)
    version = models.PositiveSmallIntegerField()
    starts_on = models.DateField(help_text="Interest counts from here.")
    first_due_date = models.DateField()
    number_of_instalments = models.PositiveSmallIntegerField()
    principal = part()
    advanced = part()
    annual_rate = models.DecimalField(
        max_digits=7, decimal_places=4, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    frequency = models.CharField(max_length=16, choices=RepaymentFrequency.choices)
    method = models.CharField(max_length=32, choices=RepaymentMethod.choices)
    day_count = models.CharField(max_length=16, choices=DayCount.choices)
    rounding = models.CharField(max_length=16, choices=Rounding.choices)
    instalment_multiple = money(null=True)
    due_day = models.PositiveSmallIntegerField(null=True)
    first_number = models.PositiveSmallIntegerField(default=1)
    balloon = part()
    principal_grace_periods = models.PositiveSmallIntegerField(default=0)
    principal_percentage = models.DecimalField(max_digits=9, decimal_places=4, null=True)
    interest_brought_forward = part()
    reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="schedule_version_once", fields=["loan", "version"]),
            models.CheckConstraint(name="schedule_version_principal", condition=Q(principal__gte=0)),
        ]

    def __str__(self) -> str:
        return f"schedule {self.version} of loan {self.loan_id}"


class Repayment(TimestampedModel):
    """One scheduled repayment, AUD. `superseded_by` is the schedule that took its place.

    A negative `principal` is interest that is added to the loan instead of being paid (a bullet does so).
    `charged_on` is when its interest went into the ledger: the due date, or earlier if it was paid earlier.
    `overdue_told` is the number of days of the last reminder that was sent.
    """

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="repayments", db_index=False
    )
    schedule = models.ForeignKey(
        ScheduleVersion, on_delete=models.PROTECT, related_name="repayments", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    period_start = models.DateField(help_text="Its interest is for the days from here to the due date.")
    due_date = models.DateField()
    amount = part(help_text="AUD; interest and principal together.")
    interest = part()
    principal = models.DecimalField(max_digits=14, decimal_places=2, help_text="AUD.")
    balance_after = part(help_text="AUD of principal that the schedule leaves after it.")
    interest_paid = part()
    principal_paid = part()
    paid_on = models.DateField(null=True, help_text="When the last of it was paid.")
    status = models.CharField(
        max_length=16, choices=RepaymentStatus.choices, default=RepaymentStatus.SCHEDULED
    )
    charged_on = models.DateField(null=True)
    superseded_by = models.ForeignKey(
        ScheduleVersion, on_delete=models.PROTECT, null=True, related_name="supersedes", db_index=False
    )
    superseded_on = models.DateField(null=True)
    due_soon_told = models.BooleanField(default=False)
    overdue_told = models.PositiveSmallIntegerField(default=0)

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="repayment_amount_is_its_parts",
                condition=Q(amount=F("interest") + F("principal")) & Q(amount__gte=0, interest__gte=0),
            ),
            models.CheckConstraint(
                name="repayment_paid_in_range",
                condition=Q(interest_paid__gte=0, principal_paid__gte=0)
                & Q(interest_paid__lte=F("interest"))
                & Q(principal_paid__lte=F("amount") - F("interest_paid")),
            ),
            models.CheckConstraint(
                name="repayment_status_known", condition=Q(status__in=RepaymentStatus.values)
            ),
            models.UniqueConstraint(name="repayment_number_once", fields=["schedule", "number"]),
        ]
        indexes = [
            models.Index(name="repayment_of", fields=["application", "due_date", "id"]),
            models.Index(name="repayment_due", fields=["due_date", "id"]),
            models.Index(name="repayment_status", fields=["status", "due_date", "id"]),
            models.Index(name="repayment_amount", fields=["amount", "id"]),
            # What a night looks for: not charged yet, and what is not paid.
            models.Index(
                name="repayment_to_charge",
                fields=["due_date", "application"],
                condition=Q(charged_on=None) & ~Q(status=RepaymentStatus.SUPERSEDED),
            ),
            models.Index(
                name="repayment_unpaid", fields=["due_date", "application"], condition=Q(status__in=UNPAID)
            ),
        ]

    def __str__(self) -> str:
        return f"repayment {self.number} of {self.amount}, due {self.due_date}"

    @property
    @reads("principal")
    def capitalised(self) -> Decimal:
        """Interest that is added to the loan instead of being paid, AUD."""
        return max(-self.principal, Decimal("0.00"))

    @property
    @reads("interest_paid", "principal_paid")
    def paid_amount(self) -> Decimal:
        """What was paid of it, AUD."""
        return self.interest_paid + self.principal_paid

    @property
    @reads("status", "amount", "paid_amount")
    def outstanding(self) -> Decimal:
        """What is still to be paid, AUD; nothing of what was superseded."""
        if self.status == RepaymentStatus.SUPERSEDED:
            return Decimal("0.00")
        return self.amount - self.paid_amount


class WriteOff(models.Model):
    """What was given up of a loan, AUD, by part. A loan is written off once and in full.

    `accrued_interest` is what the running period had earned and was not due.
    """

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="write_off")
    written_off_on = models.DateField()
    principal = part(max_digits=SUM_DIGITS)
    interest = part(max_digits=SUM_DIGITS)
    accrued_interest = part(max_digits=SUM_DIGITS)
    fees = part(max_digits=SUM_DIGITS)
    penalties = part(max_digits=SUM_DIGITS)
    reason = models.CharField(max_length=500)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    objects = OfApplicationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"write-off of application {self.application_id}"
