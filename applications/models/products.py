"""What the lender offers: the limits of a loan, and what is taken where nothing else is said."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from applications.choices import (
    MAX_TERM_MONTHS,
    ApplicationType,
    Component,
    DayCount,
    RepaymentFrequency,
    RepaymentMethod,
    Rounding,
    usual_allocation,
)
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, where
from users.choices import Role

ON_OFFER = where("those on offer", lambda user: Q(is_active=True))
validate_code = RegexValidator(r"\A[A-Z0-9][A-Z0-9-]*\Z", "Capitals, digits and hyphens only.", "code")


class ProductQuerySet(ScopedQuerySet):
    """Products, by who may see which: what is no longer on offer is seen by those who look after it."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: ON_OFFER,
        Role.BROKER: ON_OFFER,
        Role.CLIENT: ON_OFFER,
    }


def _amount(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """An amount in AUD, or none."""
    kwargs = {"validators": [MinValueValidator(Decimal("0.01"))], "help_text": "AUD.", **kwargs}
    return models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True, **kwargs)


def _rate(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """A rate in percent, or none."""
    limits = [MinValueValidator(0), MaxValueValidator(100)]
    kwargs = {"validators": limits, "help_text": "Percent.", **kwargs}
    return models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True, **kwargs)


def _months(minimum: int = 1, **kwargs: Any) -> "models.PositiveSmallIntegerField[Any, Any]":
    """A number of months, or none."""
    limits = [MinValueValidator(minimum), MaxValueValidator(MAX_TERM_MONTHS)]
    kwargs = {"help_text": "Months.", **kwargs}
    return models.PositiveSmallIntegerField(null=True, blank=True, validators=limits, **kwargs)


def _fee() -> "models.DecimalField[Any, Any]":
    return _amount(validators=[MinValueValidator(0)])


def _ordered(low: str, high: str) -> models.CheckConstraint:
    """Limits, where both are set, are in order."""
    apart = Q(**{f"{low}__isnull": True}) | Q(**{f"{high}__isnull": True}) | Q(**{f"{low}__lte": F(high)})
    return models.CheckConstraint(name=f"product_{low}_{high}", condition=apart)


class Product(TimestampedModel):
    """A kind of loan on offer. A limit that is null does not limit; an empty list allows every value.

    `fees` of the API are the columns named like the funding calculator's input, and stand in for what is
    left out there. Amounts are AUD, rates percent (of interest: per annum), terms months.
    """

    name = models.CharField(max_length=100, unique=True)
    code = models.CharField(
        max_length=32, unique=True, validators=[validate_code], help_text="Capitals, digits and hyphens."
    )
    description = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True, help_text="Whether it is on offer.")
    is_secured = models.BooleanField(default=True, help_text="Whether approval needs a security.")

    application_types = ArrayField(
        models.CharField(max_length=16, choices=ApplicationType.choices), default=list, blank=True
    )
    repayment_frequencies = ArrayField(
        models.CharField(max_length=16, choices=RepaymentFrequency.choices), default=list, blank=True
    )
    min_loan_amount = _amount()
    max_loan_amount = _amount()
    min_loan_term = _months()
    max_loan_term = _months()
    min_interest_rate = _rate(help_text="Percent per annum.")
    max_interest_rate = _rate(help_text="Percent per annum.")
    max_loan_to_value_ratio = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="Percent; checked at formal approval.",
    )

    default_repayment_frequency = models.CharField(
        max_length=16, choices=RepaymentFrequency.choices, default=RepaymentFrequency.MONTHLY
    )
    repayment_method = models.CharField(
        max_length=32, choices=RepaymentMethod.choices, default=RepaymentMethod.EQUAL_INSTALMENTS
    )
    day_count = models.CharField(max_length=16, choices=DayCount.choices, default=DayCount.ACT_365)
    rounding = models.CharField(max_length=16, choices=Rounding.choices, default=Rounding.HALF_UP)
    instalment_multiple = _amount(help_text="AUD that instalments are a multiple of.")
    allocation_order = ArrayField(
        models.CharField(max_length=16, choices=Component.choices), default=usual_allocation
    )
    late_fee = _amount(help_text="AUD for each repayment that is late; none if null.")
    late_fee_after_days = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text="Days late from which a late fee is charged.",
    )

    establishment_fee_rate = _rate()
    capped_interest_months = _months(0)
    monthly_line_fee_rate = _rate()
    line_fee_months = _months(help_text="Months that the line fee is charged for; the loan's term if null.")
    brokerage_fee_rate = _rate()
    application_fee = _fee()
    due_diligence_fee = _fee()
    legal_fee_before_gst = _fee()
    valuation_fee = _fee()
    monthly_account_fee = _fee()
    working_fee = _fee()

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            _ordered("min_loan_amount", "max_loan_amount"),
            _ordered("min_loan_term", "max_loan_term"),
            _ordered("min_interest_rate", "max_interest_rate"),
            models.CheckConstraint(
                name="product_default_frequency_allowed",
                condition=Q(repayment_frequencies=[])
                | Q(repayment_frequencies__contains=[F("default_repayment_frequency")]),
            ),
            models.CheckConstraint(
                name="product_allocation_order_complete",
                condition=Q(allocation_order__len=len(Component))
                & Q(allocation_order__contains=usual_allocation()),
            ),
        ]
        indexes = [
            models.Index(name="product_recent", fields=["-created_at", "-id"]),
            GinIndex(
                OpClass(Upper("name"), "gin_trgm_ops"),
                OpClass(Upper("code"), "gin_trgm_ops"),
                name="product_search",
            ),
        ]

    @reads("name")
    def __str__(self) -> str:
        return self.name
