"""What passed between people."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through
from engagement.choices import Direction, InteractionKind
from engagement.models.leads import Lead
from users.choices import Role

SUBJECTS = ("lead", "borrower", "application")


def one_of(*names: str) -> Q:
    """Exactly one of some columns has a value."""
    found = Q()
    for name in names:
        found |= Q(**{f"{other}__isnull": other != name for other in names})
    return found


ON_SUBJECT = any_of(*(through(name) for name in SUBJECTS))


class InteractionQuerySet(ScopedQuerySet):
    """Interactions follow what they are about."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: ON_SUBJECT, Role.BROKER: ON_SUBJECT}


class Interaction(TimestampedModel):
    """A call, a mail, a meeting, on a lead, a borrower or an application. Times are UTC."""

    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, null=True, blank=True, related_name="interactions", db_index=False
    )
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, blank=True, related_name="interactions", db_index=False
    )
    application = models.ForeignKey(
        Application,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="interactions",
        db_index=False,
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=16, choices=InteractionKind.choices)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.OUTBOUND)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000, blank=True)
    occurred_at = models.DateTimeField()
    duration_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True)
    next_step = models.CharField(max_length=500, blank=True)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(name="interaction_of_one_subject", condition=one_of(*SUBJECTS))]
        indexes = [
            models.Index(name="interaction_of_lead", fields=["lead", "-occurred_at", "-id"]),
            models.Index(name="interaction_of_borrower", fields=["borrower", "-occurred_at", "-id"]),
            models.Index(name="interaction_of_application", fields=["application", "-occurred_at", "-id"]),
            models.Index(name="interaction_of_author", fields=["author", "-occurred_at", "-id"]),
            models.Index(name="interaction_latest", fields=["-occurred_at", "-id"]),
            models.Index(name="interaction_newest", fields=["-created_at", "-id"]),
            GinIndex(
                OpClass(Upper("subject"), "gin_trgm_ops"),
                OpClass(Upper("body"), "gin_trgm_ops"),
                name="interaction_search",
            ),
        ]

    def __str__(self) -> str:
        return self.subject
