"""Many files that came at once."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.models import Application
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through, where
from documents.choices import BatchOutcome, DocumentKind
from documents.models.files import Document, StoredFile
from jobs.models import Job
from users.choices import Role


class BatchQuerySet(ScopedQuerySet):
    """Batches follow their application; a client sees their own."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: through("application"),
        Role.CLIENT: where("own", lambda user: Q(created_by=user)),
    }


class Batch(models.Model):
    """Files that came in one request, and the job that looks at them; the job goes sooner than the batch.

    `kind` and `visible_to_client` are those of all documents that come of it.
    """

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="document_batches", db_index=False
    )
    kind = models.CharField(max_length=32, choices=DocumentKind.choices, default=DocumentKind.OTHER)
    visible_to_client = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    told = models.BooleanField(default=False, help_text="Whether those on the application were told.")
    job = models.OneToOneField(Job, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = BatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="batch_kind_known", condition=Q(kind__in=DocumentKind.values))
        ]
        indexes = [
            models.Index(name="batch_of_application", fields=["application", "-created_at", "-id"]),
            models.Index(name="batch_recent", fields=["-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk} on application {self.application_id}"


class BatchFile(models.Model):
    """One file of a batch, in its place, and what came of it."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="files", db_index=False)
    position = models.PositiveIntegerField(help_text="From 0, as they came.")
    name = models.CharField(max_length=200)
    outcome = models.CharField(max_length=16, choices=BatchOutcome.choices, default=BatchOutcome.WAITING)
    file = models.OneToOneField(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        related_name="batch_file",
        help_text="As long as it waits; then the document's version has it.",
    )
    errors = models.JSONField(default=list, help_text="Why it was refused.")
    document = models.ForeignKey(Document, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="batch_file_position_once", fields=["batch", "position"]),
            models.CheckConstraint(
                name="batch_file_outcome_known", condition=Q(outcome__in=BatchOutcome.values)
            ),
            models.CheckConstraint(
                name="batch_file_waits_with_its_bytes",
                condition=Q(outcome=BatchOutcome.WAITING, file__isnull=False)
                | (~Q(outcome=BatchOutcome.WAITING) & Q(file=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"file {self.position} of batch {self.batch_id}"
