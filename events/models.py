"""The event log."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from crm_backend.common.policy import ADMIN
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet
from events.registry import REGISTRY, render


class EventQuerySet(ScopedQuerySet):
    """The audit log is for administrators; timelines go through `selectors`."""

    scopes = {ADMIN: EVERYTHING}


class Event(models.Model):
    """Something that happened: written with the change itself, never edited afterwards.

    `api_key` is the prefix of the key that acted as `actor`; empty for people and the system.
    `recipients` are the ids of the users to tell, chosen by the service that wrote the event.
    `projected_at` is when database projections were made, in one transaction with them;
    `dispatched_at` when the outside (sockets) was told as well. Both null means: still to do.
    """

    type = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    subject_type = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    application_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    recipients = ArrayField(models.BigIntegerField(), default=list)
    request_id = models.CharField(max_length=128, default="", blank=True)
    # A default of the database too: while a release is rolled out, processes of the one before it write.
    api_key = models.CharField(max_length=12, default="", db_default="", blank=True)
    occurred_at = models.DateTimeField()
    projected_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="event_dispatched_after_projected",
                condition=Q(dispatched_at=None) | Q(projected_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(name="event_undispatched", fields=["id"], condition=Q(dispatched_at=None)),
            models.Index(
                name="event_timeline",
                fields=["application_id", "-id"],
                condition=Q(application_id__isnull=False),
            ),
            models.Index(name="event_subject", fields=["subject_type", "subject_id", "-id"]),
            models.Index(name="event_actor", fields=["actor", "-id"]),
            models.Index(name="event_type", fields=["type", "-id"]),
            models.Index(name="event_api_key", fields=["api_key", "-id"], condition=~Q(api_key="")),
            models.Index(name="event_occurred", fields=["-occurred_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.pk}"

    @property
    @reads("type", "data")
    def summary(self) -> str:
        """One sentence for people; the type's name where that type is not declared any more."""
        payload = REGISTRY.get(self.type)
        if payload is None:
            return self.type
        return render(payload.summary, {**dict.fromkeys(payload.model_fields, ""), **self.data})
