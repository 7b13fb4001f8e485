"""Commissions: brokers' terms on offer, those of each loan, and what came of them and of partners' terms."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from applications.models import Application, Product
from brokers.models import Branch, Broker, Partnership
from crm_backend.common.models import TimestampedModel
from crm_backend.common.policy import ADMIN
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through
from servicing.choices import ClawbackMethod, CommissionKind, CommissionStatus
from servicing.models.ledger import JournalEntry
from servicing.models.scopes import money
from users.choices import Role

LONGEST_CLAWBACK = 120


def percent(default: int = 0, **kwargs: Any) -> "models.DecimalField[Any, Any]":
    """A rate in percent, from 0 to 100; one that can be null is so to begin with."""
    limits = [MinValueValidator(0), MaxValueValidator(100)]
    start = None if kwargs.get("null") else Decimal(default)
    kwargs = {"validators": limits, "help_text": "Percent.", "default": start, **kwargs}
    return models.DecimalField(max_digits=7, decimal_places=4, **kwargs)


class ClawbackRules(TimestampedModel):
    """What is taken back of a commission when its loan ends early.

    `clawback_percentage` of the upfront commission is taken back when the loan is paid out or written off
    within `clawback_months` of its settlement; pro rata, in proportion to the days that are left of them.
    """

    clawback_months = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(LONGEST_CLAWBACK)],
        help_text="Months from settlement in which commission is clawed back; 0: never.",
    )
    clawback_percentage = percent(100, help_text="Percent of the upfront commission.")
    clawback_method = models.CharField(
        max_length=16, choices=ClawbackMethod.choices, default=ClawbackMethod.PRO_RATA
    )

    class Meta:
        abstract = True


class CommissionRules(ClawbackRules):
    """What a broker gets for a loan, and how it is shared. Rates are percent."""

    upfront_rate = percent(help_text="Percent of the amount settled.")
    trail_rate = percent(help_text="Percent per annum of the principal at the end of each month.")
    branch_share = percent(help_text="Percent of each commission that goes to the broker's branch.")

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_rates_in_range",
                condition=Q(upfront_rate__range=(0, 100))
                & Q(trail_rate__range=(0, 100))
                & Q(branch_share__range=(0, 100))
                & Q(clawback_percentage__range=(0, 100)),
            )
        ]


class CommissionTermsQuerySet(ScopedQuerySet):
    """The lender's own matter; a broker reads what came of them with each commission."""

    scopes = {ADMIN: EVERYTHING}


class CommissionTerms(CommissionRules):
    """Terms on offer: for a broker and a product, a broker, a product, or, with neither, for all.

    The first of these that there is applies to a loan when it is settled; without any, nothing is paid.
    """

    broker = models.ForeignKey(
        Broker,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="commission_terms",
        db_index=False,
        help_text="All brokers if null.",
    )
    product = models.ForeignKey(
        Product,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="commission_terms",
        help_text="All products, and loans without one, if null.",
    )

    objects = CommissionTermsQuerySet.as_manager()

    class Meta(CommissionRules.Meta):
        verbose_name_plural = "commission terms"
        constraints = [
            *CommissionRules.Meta.constraints,
            models.UniqueConstraint(
                name="commission_terms_once", fields=["broker", "product"], nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        names = [str(of) for of in (self.broker, self.product) if of is not None]
        return f"of {' with '.join(names) or 'all'}"


class LoanCommission(CommissionRules):
    """The terms that a loan was settled on, whose broker and branch they are for; never edited.

    `trail_from` is the first month whose trail has not been worked out yet; null where there is none.
    """

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="loan_commission")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="loan_commissions")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="+", db_index=False)
    trail_from = models.DateField(null=True)

    class Meta(CommissionRules.Meta):
        indexes = [
            models.Index(
                name="loan_commission_trail",
                fields=["trail_from", "application"],
                condition=Q(trail_from__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"commission of application {self.application_id}"


class CommissionQuerySet(ScopedQuerySet):
    """Commissions follow their payee, who stays theirs when an application is given to another.

    A broker reads none of a partner's: who else brings loans is the lender's own matter.
    """

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: any_of(through("broker"), through("partnership")),
        Role.BROKER: through("broker"),
    }


class Commission(models.Model):
    """One commission, AUD, of a broker and the branch, or of a referral partner; a clawback is negative.

    `amount` is `broker_amount` and `branch_amount`, or `partner_amount`; `branch` is the payee's at the
    settlement, and `partner_terms` what a partner's comes from. `base` is what it is a share of: the amount
    settled, the principal at the end of the month, the upfront commission. `rate` is the percentage of that
    in its terms; null of a flat sum, or one by tiers. `month` is the first day of a trail's month.
    Rows are never changed but to be marked as paid: a clawback that does not stand any more has another row.
    """

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="commissions")
    broker = models.ForeignKey(
        Broker, on_delete=models.PROTECT, null=True, related_name="commissions", db_index=False
    )
    partnership = models.ForeignKey(
        Partnership, on_delete=models.PROTECT, null=True, related_name="commissions", db_index=False
    )
    partner_terms = models.ForeignKey(
        "servicing.PartnershipTerms",
        on_delete=models.PROTECT,
        null=True,
        related_name="commissions",
        db_index=False,
    )
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=24, choices=CommissionKind.choices)
    status = models.CharField(
        max_length=16, choices=CommissionStatus.choices, default=CommissionStatus.ACCRUED
    )
    month = models.DateField(null=True, help_text="The first day of a trail's month.")
    accrued_on = models.DateField(help_text="The value date.")
    base = money(help_text="AUD that it is a share of.")
    rate = percent(null=True)
    amount = money(validators=[])
    broker_amount = money(validators=[])
    branch_amount = money(validators=[])
    partner_amount = money(validators=[], default=Decimal("0.00"))
    paid_on = models.DateField(null=True)
    reference = models.CharField(max_length=100, blank=True, help_text="Of its payment.")
    entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, related_name="+")
    paid_entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, null=True, related_name="+")
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    objects = CommissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="commission_amount_is_its_parts",
                condition=Q(amount=F("broker_amount") + F("branch_amount") + F("partner_amount")),
            ),
            models.CheckConstraint(
                name="commission_of_one_payee",
                condition=Q(
                    broker__isnull=False,
                    partnership=None,
                    partner_terms=None,
                    partner_amount=0,
                    rate__isnull=False,
                )
                | Q(broker=None, partnership__isnull=False, partner_terms__isnull=False)
                & Q(broker_amount=0, branch_amount=0)
                & ~Q(kind=CommissionKind.TRAIL),
            ),
            models.CheckConstraint(
                name="commission_sign_of_its_kind",
                condition=Q(kind=CommissionKind.CLAWBACK, amount__lt=0)
                | (~Q(kind=CommissionKind.CLAWBACK) & Q(amount__gt=0)),
            ),
            models.CheckConstraint(
                name="commission_month_of_a_trail",
                condition=Q(kind=CommissionKind.TRAIL, month__isnull=False)
                | (~Q(kind=CommissionKind.TRAIL) & Q(month=None)),
            ),
            models.CheckConstraint(
                name="commission_paid_on_when_paid",
                condition=Q(status=CommissionStatus.ACCRUED, paid_on=None, paid_entry=None)
                | Q(status=CommissionStatus.PAID, paid_on__isnull=False, paid_entry__isnull=False),
            ),
            # One upfront, and one trail for a month, however often a night is run.
            models.UniqueConstraint(
                name="commission_once",
                fields=["application", "kind", "month"],
                condition=Q(kind__in=(CommissionKind.UPFRONT, CommissionKind.TRAIL), partnership=None),
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                name="partner_commission_once",
                fields=["application", "kind", "partnership"],
                condition=Q(kind=CommissionKind.UPFRONT, partnership__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="commission_of", fields=["broker", "-accrued_on", "-id"]),
            models.Index(
                name="commission_of_partnership",
                fields=["partnership", "-accrued_on", "-id"],
                condition=Q(partnership__isnull=False),
            ),
            models.Index(
                name="commission_of_partner_terms",
                fields=["partner_terms"],
                condition=Q(partner_terms__isnull=False),
            ),
            models.Index(name="commission_of_branch", fields=["branch", "-accrued_on", "-id"]),
            models.Index(name="commission_accrued", fields=["-accrued_on", "-id"]),
            models.Index(name="commission_amount", fields=["amount", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} commission of {self.amount}"
