"""Borrowers and guarantors."""

from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone

from borrowers.choices import (
    BusinessType,
    EmploymentType,
    MaritalStatus,
    PartyType,
    Relationship,
    ResidencyStatus,
)
from crm_backend.common.australia import (
    State,
    validate_abn,
    validate_acn,
    validate_phone,
    validate_postcode,
)
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through, where
from users.choices import Role

CREATED_BY_ME = where("created by me", lambda user: Q(created_by=user))
OWN_PROFILE = where("own profile", lambda user: Q(user=user))


def validate_birth_date(value: date) -> None:
    """Refuse a date of birth that is in the future or before 1900."""
    if not date(1900, 1, 1) <= value <= timezone.localdate():
        raise ValidationError("A date of birth lies between 1900 and today.", code="date_of_birth")


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


class Party(TimestampedModel):
    """A person or a company: what borrowers and guarantors have in common."""

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

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.display_name

    @property
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
        Role.BD: any_of(through("applications"), CREATED_BY_ME),
        Role.BROKER: any_of(through("applications"), CREATED_BY_ME),
        Role.CLIENT: OWN_PROFILE,
    }


class Borrower(Party):
    """Someone who borrows. `user` is their own login, if they have one; amounts are AUD."""

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
    months_employed = models.PositiveSmallIntegerField(null=True, blank=True)
    annual_income = money(help_text="AUD a year, before tax.")
    other_income = money(help_text="AUD a year, before tax.")
    monthly_expenses = money(help_text="AUD a month.")
    business_type = models.CharField(max_length=24, choices=BusinessType.choices, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    years_in_business = models.PositiveSmallIntegerField(null=True, blank=True)
    annual_revenue = money(help_text="AUD a year, of a company.")
    referral_source = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    objects = BorrowerQuerySet.as_manager()

    class Meta:
        constraints = [named("borrower_type", "borrower_named")]
        indexes = [
            models.Index(name="borrower_recent", fields=["-created_at", "-id"]),
            models.Index(name="borrower_last_name", fields=["last_name", "id"]),
            GinIndex(
                OpClass(Upper("first_name"), "gin_trgm_ops"),
                OpClass(Upper("last_name"), "gin_trgm_ops"),
                OpClass(Upper("company_name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                name="borrower_search",
            ),
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
        indexes = [models.Index(name="guarantor_recent", fields=["-created_at", "-id"])]
