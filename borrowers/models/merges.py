"""Borrowers that are one: merges, and pairs that may be."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from borrowers.models.parties import Borrower
from crm_backend.common.encrypted_fields import EncryptedTextField
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, through
from users.choices import Role


class BorrowerMergeQuerySet(ScopedQuerySet):
    """Merges, by who sees the borrower that stayed."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: through("survivor", "those into visible borrowers")}

    def standing(self) -> Self:
        """Those that were not undone."""
        return self.filter(undone_at=None)


class BorrowerMerge(models.Model):
    """Two borrowers that were one: who stayed, who went, and all that it takes to undo it.

    The duplicate's row is gone (docs/adr/0036). `survivor` is under whom it is found now; `into_id` whom it
    was merged into, who may have been merged further. While it stands, whoever created the duplicate sees the
    survivor. `snapshot` is encrypted JSON: the duplicate's columns, and the survivor's before and after.
    `moved` is, by link (`borrowers.links`), which rows went over; `left`, once it was undone, the keys of
    those that stayed, because they were changed in the meantime.
    """

    survivor = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="merges", db_index=False)
    into_id = models.BigIntegerField()
    duplicate_id = models.BigIntegerField()
    duplicate_name = models.CharField(max_length=201)
    duplicate_created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    reason = models.CharField(max_length=500, blank=True)
    taken = ArrayField(models.CharField(max_length=40), default=list)
    snapshot = EncryptedTextField(help_text="JSON.")
    moved = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    merged_at = models.DateTimeField()
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    undone_at = models.DateTimeField(null=True)
    left = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects = BorrowerMergeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="borrower_merged_once", fields=["duplicate_id"], condition=Q(undone_at=None)
            ),
            models.CheckConstraint(name="borrower_merge_of_two", condition=~Q(into_id=F("duplicate_id"))),
            models.CheckConstraint(
                name="borrower_merge_undone_by_somebody",
                condition=Q(undone_at=None, undone_by=None)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="borrower_merge_recent", fields=["-merged_at", "-id"]),
            models.Index(name="borrower_merge_duplicate", fields=["duplicate_id", "-merged_at", "-id"]),
            models.Index(name="borrower_merge_survivor", fields=["survivor", "-merged_at", "-id"]),
            models.Index(
                name="borrower_merge_brought_by",
                fields=["duplicate_created_by", "survivor"],
                condition=Q(undone_at=None, duplicate_created_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.duplicate_name} ({self.duplicate_id}) merged into borrower {self.into_id}"


_FIRST, _SECOND = through("first"), through("second")
# An equal tax file number is told only to those who may read the number.
OF_VISIBLE = Scope(
    "those of two visible borrowers, but for an equal tax file number alone",
    lambda pairs, user: (
        _FIRST.rows(pairs, user) & _SECOND.rows(pairs, user) & ~Q(reasons__contained_by=["tax_id"])
    ),
)


class DuplicatePairQuerySet(ScopedQuerySet):
    """Pairs, by who sees both."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: OF_VISIBLE}


class DuplicatePair(models.Model):
    """Two borrowers who may be one, `first` the older id, and why; found by `borrowers.pairing`.

    `strength` is how many reasons there are. One that somebody dismissed is kept, so that it does not come
    again.
    """

    first = models.ForeignKey(Borrower, on_delete=models.CASCADE, related_name="+", db_index=False)
    second = models.ForeignKey(Borrower, on_delete=models.CASCADE, related_name="+")
    reasons = ArrayField(models.CharField(max_length=16))
    strength = models.PositiveSmallIntegerField()
    similarity = models.DecimalField(
        max_digits=3, decimal_places=2, null=True, help_text="Of the names, 0 to 1; null: none compared."
    )
    found_at = models.DateTimeField()
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    dismissed_at = models.DateTimeField(null=True)
    dismissed_because = models.CharField(max_length=500, blank=True)

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="duplicate_pair_once", fields=["first", "second"]),
            models.CheckConstraint(name="duplicate_pair_in_order", condition=Q(first__lt=F("second"))),
            models.CheckConstraint(
                name="duplicate_pair_dismissed_by_somebody",
                condition=Q(dismissed_at=None, dismissed_by=None)
                | Q(dismissed_at__isnull=False, dismissed_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="duplicate_pair_strongest", fields=["-strength", "-id"]),
            models.Index(name="duplicate_pair_newest", fields=["-found_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"borrowers {self.first_id} and {self.second_id}"


class PairingStateQuerySet(ScopedQuerySet):
    """Nobody is shown it."""

    scopes = {Role.ADMIN: EVERYTHING}


class PairingState(models.Model):
    """Up to which change of borrowers pairs were looked for. The one row there is has the key 1.

    It is locked while pairs are written. A merge locks it first of all: with borrowers locked it would wait
    for a pair whose writer waits for these borrowers.
    """

    reached = models.DateTimeField(null=True)

    objects = PairingStateQuerySet.as_manager()

    def __str__(self) -> str:
        return f"pairs up to {self.reached}"
