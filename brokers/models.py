"""Branches, BDMs, brokers and referral partners."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from brokers.choices import PartnerKind, PartnershipStatus
from crm_backend.common.australia import State, validate_abn, validate_phone, validate_postcode
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through, where
from users.choices import AccountStatus, Role


class BranchQuerySet(ScopedQuerySet):
    """Branches, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where("own branch", lambda user: Q(bdms__user=user)),
        Role.BROKER: where("all that are open", lambda user: Q(is_active=True)),
        Role.CLIENT: through("applications"),
    }


class Branch(TimestampedModel):
    """An office of the lender."""

    name = models.CharField(max_length=100, unique=True)
    code = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=3, choices=State.choices)
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    postcode = models.CharField(max_length=4, blank=True, validators=[validate_postcode])
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)

    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "branches"
        indexes = [
            models.Index(name="branch_state", fields=["state", "id"]),
            models.Index(name="branch_created", fields=["created_at", "id"]),
            GinIndex(
                OpClass(Upper("name"), "gin_trgm_ops"),
                OpClass(Upper("code"), "gin_trgm_ops"),
                OpClass(Upper("city"), "gin_trgm_ops"),
                name="branch_search",
            ),
        ]

    @reads("name")
    def __str__(self) -> str:
        return self.name

    @property
    def is_at_work(self) -> bool:
        """Whether applications can be its: as long as it is open."""
        return self.is_active


class BdmQuerySet(ScopedQuerySet):
    """BDMs, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where("own", lambda user: Q(user=user)),
        Role.BROKER: where(
            "all at work (to choose one)",
            lambda user: Q(is_active=True, user__status=AccountStatus.ACTIVE, user__role=Role.BD),
        ),
    }


class Bdm(TimestampedModel):
    """A business development manager: the lender's person for the brokers of a branch."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bdm")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="bdms", db_index=False)
    job_title = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    objects = BdmQuerySet.as_manager()

    class Meta:
        verbose_name = "BDM"
        indexes = [
            models.Index(name="bdm_of_branch", fields=["branch", "id"]),
            models.Index(name="bdm_created", fields=["created_at", "id"]),
        ]

    @reads("user.full_name")
    def __str__(self) -> str:
        return self.user.full_name

    @property
    def is_at_work(self) -> bool:
        """Whether applications can be theirs: a profile outlives a login that was closed or changed."""
        return self.is_active and self.user.is_active and self.user.role == Role.BD


class BrokerQuerySet(ScopedQuerySet):
    """Brokers, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where("own branch's", lambda user: Q(branch__bdms__user=user)),
        Role.BROKER: where("own profile", lambda user: Q(user=user)),
        Role.CLIENT: through("applications"),
    }


class Broker(TimestampedModel):
    """A mortgage broker. Without a `user` they are known, but do not log in."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="broker",
        null=True,
        blank=True,
    )
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="brokers", db_index=False)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField()
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    company_name = models.CharField(max_length=200, blank=True)
    abn = models.CharField(max_length=11, blank=True, validators=[validate_abn])
    credit_representative_number = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=True)

    objects = BrokerQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(name="broker_last_name", fields=["last_name", "id"]),
            models.Index(name="broker_company", fields=["company_name", "id"]),
            models.Index(name="broker_email", fields=["email", "id"]),
            models.Index(name="broker_created", fields=["created_at", "id"]),
            models.Index(name="broker_of_branch", fields=["branch", "last_name", "id"]),
            GinIndex(
                OpClass(Upper("first_name"), "gin_trgm_ops"),
                OpClass(Upper("last_name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                OpClass(Upper("company_name"), "gin_trgm_ops"),
                name="broker_search",
            ),
        ]

    @reads("full_name")
    def __str__(self) -> str:
        return self.full_name

    @property
    @reads("first_name", "last_name")
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def is_at_work(self) -> bool:
        """Whether applications can be theirs: those who do not log in need no login for it."""
        if self.user is not None and not (self.user.is_active and self.user.role == Role.BROKER):
            return False
        return self.is_active


class PartnershipQuerySet(ScopedQuerySet):
    """Partnerships are the lender's own: who refers, and on which terms, is not shown to brokers."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where("own branch's", lambda user: Q(branch__bdms__user=user)),
    }


class Partnership(TimestampedModel):
    """Somebody who refers borrowers to the lender without being their broker.

    `owner` is the BDM who looks after the relationship. An agreement without an end is open.
    """

    kind = models.CharField(max_length=24, choices=PartnerKind.choices)
    organisation = models.CharField(max_length=200)
    contact_name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    abn = models.CharField(max_length=11, blank=True, validators=[validate_abn])
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="partnerships", db_index=False)
    owner = models.ForeignKey(
        Bdm, on_delete=models.PROTECT, null=True, blank=True, related_name="partnerships"
    )
    status = models.CharField(
        max_length=16,
        choices=PartnershipStatus.choices,
        default=PartnershipStatus.PROSPECTIVE,
        editable=False,
    )
    agreement_start = models.DateField(null=True, blank=True)
    agreement_end = models.DateField(null=True, blank=True, help_text="Last day; open if null.")

    objects = PartnershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="partnership_status_known", condition=Q(status__in=PartnershipStatus.values)
            ),
            models.CheckConstraint(
                name="partnership_ends_after_start",
                condition=Q(agreement_end=None) | Q(agreement_start__lte=F("agreement_end")),
            ),
            models.CheckConstraint(
                name="partnership_active_has_start",
                condition=Q(status__in=(PartnershipStatus.PROSPECTIVE, PartnershipStatus.ENDED))
                | Q(agreement_start__isnull=False),
            ),
            # The same partner may be looked after by several branches, by each once.
            models.UniqueConstraint(
                name="partnership_abn_once",
                fields=["branch", "abn"],
                condition=~Q(abn="") & ~Q(status=PartnershipStatus.ENDED),
            ),
        ]
        indexes = [
            models.Index(name="partnership_organisation", fields=["organisation", "id"]),
            models.Index(name="partnership_created", fields=["created_at", "id"]),
            models.Index(name="partnership_of_branch", fields=["branch", "organisation", "id"]),
            models.Index(name="partnership_kind", fields=["kind", "organisation", "id"]),
            models.Index(name="partnership_status", fields=["status", "organisation", "id"]),
            GinIndex(
                OpClass(Upper("organisation"), "gin_trgm_ops"),
                OpClass(Upper("contact_name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                name="partnership_search",
            ),
        ]

    @reads("organisation")
    def __str__(self) -> str:
        return self.organisation
