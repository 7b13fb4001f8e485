"""What referral partners are paid by, in versions, and their commissions by themselves."""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from brokers.models import Partnership
from crm_backend.common.policy import ADMIN
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through
from servicing.choices import PartnerTermsKind, TierBasis
from servicing.models.commissions import ClawbackRules, Commission, percent
from servicing.models.scopes import money
from users.choices import Role


class OfPartnershipQuerySet(ScopedQuerySet):
    """Terms and commissions of a partnership are read by who reads the partnership."""

    scopes = {ADMIN: EVERYTHING, Role.BD: through("partnership")}


class PartnershipTerms(ClawbackRules):
    """A version of what a partner gets for a loan that it referred; never edited. Rates are percent.

    The last version that begins on the day of a settlement or before it is the loan's.
    """

    partnership = models.ForeignKey(
        Partnership, on_delete=models.PROTECT, related_name="commission_terms", db_index=False
    )
    valid_from = models.DateField(help_text="First day, by the date of settlement.")
    kind = models.CharField(max_length=16, choices=PartnerTermsKind.choices)
    flat_amount = money(null=True, blank=True, help_text="AUD for each settled loan.")
    rate = percent(null=True, blank=True, help_text="Percent of the amount lent.")
    tier_basis = models.CharField(max_length=16, choices=TierBasis.choices, blank=True)

    objects = OfPartnershipQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "partnership terms"
        constraints = [
            models.CheckConstraint(
                name="partnership_terms_of_their_kind",
                condition=Q(kind=PartnerTermsKind.NONE, flat_amount=None, rate=None, tier_basis="")
                | Q(kind=PartnerTermsKind.FLAT, flat_amount__gt=0, rate=None, tier_basis="")
                | Q(
                    kind=PartnerTermsKind.PERCENTAGE,
                    flat_amount=None,
                    rate__gt=0,
                    rate__lte=100,
                    tier_basis="",
                )
                | Q(
                    kind=PartnerTermsKind.TIERED, flat_amount=None, rate=None, tier_basis__in=TierBasis.values
                ),
            ),
            models.CheckConstraint(
                name="partnership_terms_clawback_in_range", condition=Q(clawback_percentage__range=(0, 100))
            ),
            models.UniqueConstraint(name="partnership_terms_once", fields=["partnership", "valid_from"]),
        ]

    @reads("partnership.organisation", "valid_from")
    def __str__(self) -> str:
        return f"with {self.partnership} from {self.valid_from}"


class PartnershipTier(models.Model):
    """From an amount on, AUD, each dollar earns `rate` percent, up to where the next tier begins."""

    terms = models.ForeignKey(
        PartnershipTerms, on_delete=models.CASCADE, related_name="tiers", db_index=False
    )
    from_amount = money(validators=[MinValueValidator(0)])
    rate = percent()

    class Meta:
        ordering = ["from_amount"]
        constraints = [
            models.CheckConstraint(
                name="partnership_tier_in_range", condition=Q(from_amount__gte=0, rate__range=(0, 100))
            ),
            models.UniqueConstraint(name="partnership_tier_once", fields=["terms", "from_amount"]),
        ]

    def __str__(self) -> str:
        return f"{self.rate} % from {self.from_amount}"


class PartnerCommissionManager(models.Manager.from_queryset(OfPartnershipQuerySet)):  # type: ignore[misc]
    """Those of partners only."""

    def get_queryset(self) -> Any:
        """All of them."""
        return super().get_queryset().filter(partnership__isnull=False)


class PartnerCommission(Commission):
    """A partner's commissions, under the partner's address."""

    objects = PartnerCommissionManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        base_manager_name = "objects"
