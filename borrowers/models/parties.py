"""Borrowers, what they own and owe, and guarantors."""

from datetime import date
from functools import reduce
from operator import and_
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from borrowers.choices import (
    AssetType,
    BusinessType,
    EmploymentType,
    LiabilityType,
    MaritalStatus,
    PartyType,
    Relationship,
    ResidencyStatus,
)
from crm_backend.common.australia import (
    State,
    validate_abn,
    validate_acn,
    validate_bsb,
    validate_phone,
    validate_postcode,
)
from crm_backend.common.encrypted_fields import BlindIndexField, EncryptedTextField
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through, where
from users.choices import Role

CREATED_BY_ME = where("created by me", lambda user: Q(created_by=user))
# Columns of a borrower that are never negative.
AMOUNTS = (
    "annual_income", "other_income", "monthly_expenses",
    "annual_revenue", "total_assets", "total_liabilities",
)  # fmt: skip
# The survivor remembers who created the survivor alone.
BROUGHT_BY_ME = where(
    "made one with a borrower that I created",
    lambda user: Q(merges__duplicate_created_by=user, merges__undone_at=None),
)
OWN_PROFILE = where("own profile", lambda user: Q(user=user))


def validate_birth_date(value: date) -> None:
    """Refuse a date of birth that is in the future or before 1900."""
    if not date(1900, 1, 1) <= value <= timezone.localdate():
        raise ValidationError("A date of birth lies between 1900 and today.", code="date_of_birth")


def validate_not_in_future(value: date) -> None:
    """Refuse a date after today."""
    if value > timezone.localdate():
        raise ValidationError("This date is in the future.", code="future")


def money(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """An amount in AUD, not negative, or unknown."""
    return models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        **kwargs,
    )


def search_index(name: str) -> GinIndex:
    """What `search` and the search for duplicates look through, by trigrams."""
    columns = ("first_name", "last_name", "company_name", "email")
    return GinIndex(*[OpClass(Upper(column), "gin_trgm_ops") for column in columns], name=name)


class Party(TimestampedModel):
    """A person or a company: what borrowers and guarantors have in common.

    The first address is where a person lives or a company is registered. The mailing address is empty where
    it is the same.
    """

    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    date_of_birth = models.DateField(null=True, blank=True, validators=[validate_birth_date])
    company_name = models.CharField(max_length=200, blank=True)
    abn = models.CharField(max_length=11, blank=True, validators=[validate_abn])
    acn = models.CharField(max_length=9, blank=True, validators=[validate_acn])
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=3, choices=State.choices, blank=True)
    postcode = models.CharField(max_length=4, blank=True, validators=[validate_postcode])
    country = models.CharField(max_length=2, default="AU")
    mailing_street = models.CharField(max_length=200, blank=True)
    mailing_city = models.CharField(max_length=100, blank=True)
    mailing_state = models.CharField(max_length=3, choices=State.choices, blank=True)
    mailing_postcode = models.CharField(max_length=4, blank=True, validators=[validate_postcode])
    mailing_country = models.CharField(max_length=2, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.display_name

    @property
    @reads("company_name", "first_name", "last_name")
    def display_name(self) -> str:
        """The company's name, or the person's."""
        return self.company_name or f"{self.first_name} {self.last_name}".strip()


def named(kind_field: str, name: str) -> models.CheckConstraint:
    """A person has both names, a company has its own."""
    person = Q(**{kind_field: PartyType.INDIVIDUAL}) & ~Q(first_name="") & ~Q(last_name="")
    company = Q(**{kind_field: PartyType.COMPANY}) & ~Q(company_name="")
    return models.CheckConstraint(name=name, condition=person | company)


class BorrowerQuerySet(ScopedQuerySet):
    """Borrowers, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: any_of(through("applications"), CREATED_BY_ME, BROUGHT_BY_ME),
        Role.BROKER: any_of(through("applications"), CREATED_BY_ME, BROUGHT_BY_ME),
        Role.CLIENT: OWN_PROFILE,
    }


class Borrower(Party):
    """Someone who borrows. `user` is their own login, if they have one; amounts are AUD.

    Encrypted (docs/adr/0010): the tax file number, the number of the bank account, and the identity documents
    (a JSON list, together). `directors` is a list of their names, birth dates, and how to reach them.
    """

    borrower_type = models.CharField(max_length=16, choices=PartyType.choices, default=PartyType.INDIVIDUAL)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="borrowers",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    marital_status = models.CharField(max_length=16, choices=MaritalStatus.choices, blank=True)
    residency_status = models.CharField(max_length=24, choices=ResidencyStatus.choices, blank=True)
    employment_type = models.CharField(max_length=16, choices=EmploymentType.choices, blank=True)
    employer = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=100, blank=True)
    months_employed = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Months.")
    tax_id = EncryptedTextField(help_text="Tax file number.")
    tax_id_index = BlindIndexField(source="tax_id")
    bank_account_name = models.CharField(max_length=100, blank=True)
    bank_bsb = models.CharField(max_length=6, blank=True, validators=[validate_bsb])
    bank_account_number = EncryptedTextField()
    identity_documents = EncryptedTextField(help_text="JSON.")
    annual_income = money(help_text="AUD a year, before tax.")
    other_income = money(help_text="AUD a year, before tax.")
    monthly_expenses = money(help_text="AUD a month.")
    business_type = models.CharField(max_length=24, choices=BusinessType.choices, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    years_in_business = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Years.")
    directors = models.JSONField(default=list, blank=True)
    annual_revenue = money(help_text="AUD a year, of a company.")
    net_profit = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="AUD a year, of a company, before tax; negative is a loss.",
    )
    total_assets = money(help_text="AUD, by a company's balance sheet.")
    total_liabilities = money(help_text="AUD, by a company's balance sheet.")
    financials_as_at = models.DateField(
        null=True,
        blank=True,
        validators=[validate_not_in_future],
        help_text="The day on which a company's financial year or balance sheet ended.",
    )
    referral_source = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    objects = BorrowerQuerySet.as_manager()

    class Meta:
        constraints = [
            named("borrower_type", "borrower_named"),
            models.CheckConstraint(
                name="borrower_bank_account_complete",
                condition=Q(bank_account_name="", bank_bsb="", bank_account_number="")
                | (~Q(bank_account_name="") & ~Q(bank_bsb="") & ~Q(bank_account_number="")),
            ),
            models.CheckConstraint(
                name="borrower_amounts_not_negative",
                condition=reduce(and_, (Q(**{name: None}) | Q(**{f"{name}__gte": 0}) for name in AMOUNTS)),
            ),
        ]
        indexes = [
            models.Index(name="borrower_recent", fields=["-created_at", "-id"]),
            models.Index(name="borrower_changed", fields=["updated_at", "id"]),
            models.Index(name="borrower_last_name", fields=["last_name", "id"]),
            models.Index(name="borrower_company_name", fields=["company_name", "id"]),
            models.Index(name="borrower_type", fields=["borrower_type", "-created_at", "-id"]),
            models.Index(name="borrower_residency", fields=["residency_status", "-created_at", "-id"]),
            models.Index(name="borrower_marital", fields=["marital_status", "-created_at", "-id"]),
            models.Index(name="borrower_state", fields=["state", "-created_at", "-id"]),
            GinIndex(name="borrower_tags", fields=["tags"]),
            search_index("borrower_search"),
            # What duplicates are found by.
            models.Index(Lower("email"), name="borrower_email"),
            models.Index(name="borrower_phone", fields=["phone"], condition=~Q(phone="")),
            models.Index(name="borrower_abn", fields=["abn"], condition=~Q(abn="")),
            models.Index(name="borrower_acn", fields=["acn"], condition=~Q(acn="")),
            models.Index(name="borrower_tax_id", fields=["tax_id_index"], condition=~Q(tax_id_index="")),
            models.Index(name="borrower_born", fields=["date_of_birth"]),
        ]


class GuarantorQuerySet(ScopedQuerySet):
    """Guarantors, by who may see which: they follow their borrower and their applications."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: any_of(through("applications"), through("borrower"), CREATED_BY_ME),
        Role.BROKER: any_of(through("applications"), through("borrower"), CREATED_BY_ME),
        Role.CLIENT: through("borrower", "those of own profile"),
    }


class Guarantor(Party):
    """Someone who answers for a borrower, on the applications it is linked to."""

    guarantor_type = models.CharField(max_length=16, choices=PartyType.choices, default=PartyType.INDIVIDUAL)
    relationship = models.CharField(max_length=24, choices=Relationship.choices, default=Relationship.OTHER)
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, blank=True, related_name="guarantors"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = GuarantorQuerySet.as_manager()

    class Meta:
        constraints = [named("guarantor_type", "guarantor_named")]
        indexes = [
            models.Index(name="guarantor_recent", fields=["-created_at", "-id"]),
            models.Index(name="guarantor_last_name", fields=["last_name", "id"]),
            models.Index(name="guarantor_company_name", fields=["company_name", "id"]),
            models.Index(name="guarantor_type", fields=["guarantor_type", "-created_at", "-id"]),
            models.Index(name="guarantor_relationship", fields=["relationship", "-created_at", "-id"]),
            search_index("guarantor_search"),
        ]


class HoldingQuerySet(ScopedQuerySet):
    """What a borrower owns and owes follows the borrower."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("borrower"),
        Role.BROKER: through("borrower"),
        Role.CLIENT: through("borrower"),
    }


def amount(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """An amount in AUD that is known, not negative."""
    return models.DecimalField(max_digits=14, decimal_places=2, validators=[MinValueValidator(0)], **kwargs)


class Asset(TimestampedModel):
    """Something that a borrower owns. `value` is what the borrower states, AUD."""

    borrower = models.ForeignKey(Borrower, on_delete=models.CASCADE, related_name="assets", db_index=False)
    asset_type = models.CharField(max_length=16, choices=AssetType.choices)
    description = models.CharField(max_length=200, blank=True)
    value = amount(help_text="AUD.")

    objects = HoldingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="asset_value_not_negative", condition=Q(value__gte=0)),
            models.CheckConstraint(name="asset_type_known", condition=Q(asset_type__in=AssetType.values)),
        ]
        indexes = [models.Index(name="asset_of_borrower", fields=["borrower", "id"])]

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.get_asset_type_display()), self.description)))


class Liability(TimestampedModel):
    """Something that a borrower owes; amounts are AUD. A credit card has a limit, nothing else has."""

    borrower = models.ForeignKey(
        Borrower, on_delete=models.CASCADE, related_name="liabilities", db_index=False
    )
    liability_type = models.CharField(max_length=16, choices=LiabilityType.choices)
    lender = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=200, blank=True)
    balance = amount(help_text="AUD still owed.")
    credit_limit = money(help_text="AUD, of a credit card.")
    monthly_repayment = amount(default=0, help_text="AUD a month.")

    objects = HoldingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "liabilities"
        constraints = [
            models.CheckConstraint(
                name="liability_amounts_not_negative",
                condition=Q(balance__gte=0, monthly_repayment__gte=0)
                & (Q(credit_limit=None) | Q(credit_limit__gte=0)),
            ),
            models.CheckConstraint(
                name="liability_limit_of_a_card",
                condition=Q(liability_type=LiabilityType.CREDIT_CARD, credit_limit__isnull=False)
                | (~Q(liability_type=LiabilityType.CREDIT_CARD) & Q(credit_limit=None)),
            ),
            models.CheckConstraint(
                name="liability_type_known", condition=Q(liability_type__in=LiabilityType.values)
            ),
        ]
        indexes = [models.Index(name="liability_of_borrower", fields=["borrower", "id"])]

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.get_liability_type_display()), self.lender)))


Holding = Asset | Liability
