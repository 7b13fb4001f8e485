"""What secures a loan, and the loan-to-value ratio."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from applications.choices import SecurityType
from applications.models.applications import Application
from crm_backend.common.australia import State, validate_postcode
from crm_backend.common.dates import validate_not_future
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through
from users.choices import Role


class SecurityQuerySet(ScopedQuerySet):
    """Securities follow their application."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: through("application"),
        Role.CLIENT: through("application"),
    }


class Security(TimestampedModel):
    """What secures a loan. `value` is what the applicant states, AUD; a valuation may differ."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="securities")
    security_type = models.CharField(max_length=24, choices=SecurityType.choices)
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=3, choices=State.choices, blank=True)
    postcode = models.CharField(max_length=4, blank=True, validators=[validate_postcode])
    description = models.CharField(max_length=500, blank=True)
    value = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="AUD.",
    )
    valuation_amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="AUD, by a valuer.",
    )
    valuation_date = models.DateField(null=True, blank=True, validators=[validate_not_future])

    objects = SecurityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "securities"
        constraints = [
            models.CheckConstraint(name="security_value_positive", condition=Q(value__gt=0)),
            models.CheckConstraint(
                name="security_valuation_positive",
                condition=Q(valuation_amount=None) | Q(valuation_amount__gt=0),
            ),
            models.CheckConstraint(
                name="security_valuation_date_of_an_amount",
                condition=Q(valuation_date=None) | Q(valuation_amount__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_security_type_display()} of {self.value}"

    @property
    @reads("valuation_amount", "value")
    def lending_value(self) -> Decimal:
        """What counts for the loan-to-value ratio: the valuation, or the stated value before there is one."""
        return self.valuation_amount if self.valuation_amount is not None else self.value

    @property
    @reads("application.amount_to_lend", "lending_value")
    def loan_to_value_ratio(self) -> Decimal | None:
        """LVR of the whole loan against this security alone, percent."""
        return loan_to_value(self.application.amount_to_lend, [self.lending_value])


def loan_to_value(amount: Decimal, lending_values: Iterable[Decimal]) -> Decimal | None:
    """LVR in percent to two places, half up; None without a security (APRA's APS 112 calls it LVR)."""
    total = sum(lending_values, Decimal(0))
    if not total:
        return None
    return (amount / total * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
