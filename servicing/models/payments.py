"""Money that came in, what it paid, and money that went back."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.choices import Component
from applications.models import Application
from servicing.choices import PaymentMethod, PaymentStatus
from servicing.models.fees import Fee
from servicing.models.loans import Repayment
from servicing.models.scopes import OfApplicationQuerySet, money


class Payment(models.Model):
    """Money received, AUD. `fee` or `repayment` is what it was meant for; else the loan's order decides."""

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    amount = money()
    received_on = models.DateField(help_text="The value date.")
    method = models.CharField(
        max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER
    )
    reference = models.CharField(max_length=100, blank=True)
    notes = models.CharField(max_length=500, blank=True)
    fee = models.ForeignKey(Fee, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    repayment = models.ForeignKey(
        Repayment, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    status = models.CharField(max_length=16, choices=PaymentStatus.choices, default=PaymentStatus.RECEIVED)
    reversed_on = models.DateField(null=True)
    reversal_reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payment_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="payment_meant_for_one_thing", condition=Q(fee=None) | Q(repayment=None)
            ),
            models.CheckConstraint(
                name="payment_reversed_on_when_reversed",
                condition=Q(status=PaymentStatus.RECEIVED, reversed_on=None)
                | Q(status=PaymentStatus.REVERSED, reversed_on__isnull=False),
            ),
        ]
        indexes = [models.Index(name="payment_of", fields=["application", "-received_on", "-id"])]

    def __str__(self) -> str:
        return f"payment of {self.amount} on {self.received_on}"


class PaymentShare(models.Model):
    """What a payment paid, AUD: worked out from all payments anew whenever one is added or taken back."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="shares")
    repayment = models.ForeignKey(Repayment, on_delete=models.PROTECT, null=True, related_name="shares")
    fee = models.ForeignKey(Fee, on_delete=models.PROTECT, null=True, related_name="shares")
    component = models.CharField(max_length=16, choices=Component.choices)
    amount = money()
    applied_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payment_share_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="payment_share_of_one_thing",
                condition=Q(fee=None, repayment__isnull=False) | Q(fee__isnull=False, repayment=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of payment {self.payment_id} for {self.component}"


class Refund(models.Model):
    """Money that was held for the borrower and given back, AUD."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="refunds")
    amount = money()
    refunded_on = models.DateField()
    method = models.CharField(
        max_length=16, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER
    )
    reference = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    fee = models.ForeignKey(Fee, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(name="refund_amount_positive", condition=Q(amount__gt=0))]

    def __str__(self) -> str:
        return f"refund of {self.amount} on {self.refunded_on}"
