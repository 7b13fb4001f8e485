"""Fees: before settlement and during the life of a loan."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.choices import Component
from applications.models import Application
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from servicing.choices import FeeStatus, FeeType
from servicing.models.loans import Repayment
from servicing.models.scopes import OfApplicationQuerySet, money, part


class Fee(TimestampedModel):
    """A fee, AUD. A late fee is a penalty for the repayment that it names.

    `cancelled_at`: entered in error and taken out of the book; it stays for the ledger, which refers to it.
    """

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="fees", db_index=False
    )
    fee_type = models.CharField(max_length=16, choices=FeeType.choices)
    description = models.CharField(max_length=200, blank=True)
    amount = money()
    due_date = models.DateField()
    waived_amount = part()
    paid_amount = part()
    paid_on = models.DateField(null=True, help_text="When the last of it was paid.")
    status = models.CharField(max_length=16, choices=FeeStatus.choices, default=FeeStatus.PENDING)
    repayment = models.ForeignKey(
        Repayment, on_delete=models.PROTECT, null=True, related_name="late_fees", db_index=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    cancelled_at = models.DateTimeField(null=True)

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="fee_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="fee_waived_in_range",
                condition=Q(waived_amount__gte=0) & Q(waived_amount__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="fee_paid_in_range",
                condition=Q(paid_amount__gte=0) & Q(paid_amount__lte=F("amount") - F("waived_amount")),
            ),
            models.CheckConstraint(name="fee_status_known", condition=Q(status__in=FeeStatus.values)),
            # One late fee for a repayment, however often a night is run.
            models.UniqueConstraint(
                name="fee_late_once", fields=["repayment"], condition=Q(repayment__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="fee_of", fields=["application", "due_date", "id"]),
            models.Index(name="fee_due", fields=["due_date", "id"]),
            models.Index(name="fee_status", fields=["status", "due_date", "id"]),
            models.Index(name="fee_type", fields=["fee_type", "due_date", "id"]),
            models.Index(name="fee_amount", fields=["amount", "id"]),
            models.Index(name="fee_created", fields=["created_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_fee_type_display()} fee of {self.amount}"

    @property
    def collectable(self) -> Decimal:
        """What is to be paid of it in all, AUD."""
        return Decimal("0.00") if self.cancelled_at else self.amount - self.waived_amount

    @property
    @reads("cancelled_at", "amount", "waived_amount", "paid_amount")
    def outstanding(self) -> Decimal:
        """What is still to be paid, AUD."""
        return self.collectable - self.paid_amount

    @property
    def component(self) -> Component:
        """Where it stands in the order of allocation."""
        return Component.PENALTY if self.fee_type == FeeType.LATE else Component.FEE
