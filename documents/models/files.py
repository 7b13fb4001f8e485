"""Documents, their versions, and the files that are in the storage."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q

from applications.models import Application
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, through
from documents.choices import DocumentKind, VersionStatus
from users.choices import Role


class StoredFile(models.Model):
    """Bytes in the storage, or about to be: the row comes first and goes last.

    A file without a version, an hour old, is what a crash or a deletion left: the clean-up deletes it. So
    there is never a file that no row knows. `arrived_at` is null until all of it is in the storage; `size`
    is in bytes, and of all versions `sha256` tells which are alike.
    """

    key = models.CharField(max_length=100, unique=True, help_text="Its name in the storage.")
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    arrived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(name="stored_file_sha256", fields=["sha256"]),
            models.Index(name="stored_file_age", fields=["created_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="stored_file_arrived_is_known",
                condition=Q(arrived_at=None) | ~Q(sha256=""),
            )
        ]

    def __str__(self) -> str:
        return self.key


def _for_the_client(documents: models.QuerySet[Any], user: Any) -> Q:
    own = through("application").rows(documents, user)
    return own & (Q(visible_to_client=True) | Q(created_by=user))


class DocumentQuerySet(ScopedQuerySet):
    """Documents follow their application; clients see what is marked for them, and what they uploaded."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: through("application"),
        Role.CLIENT: Scope(
            "those on own applications that are marked for the client or that they uploaded",
            _for_the_client,
        ),
    }


class Document(TimestampedModel):
    """A document on an application, of which there may be several versions.

    `current` is the version that it shows: the latest, unless that is quarantined. It is null only inside
    the transaction that makes the document, or when the only version is quarantined.
    """

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="documents", db_index=False
    )
    kind = models.CharField(max_length=32, choices=DocumentKind.choices, default=DocumentKind.OTHER)
    title = models.CharField(max_length=200)
    description = models.TextField(max_length=2000, blank=True)
    visible_to_client = models.BooleanField(
        default=False, help_text="Whether the borrowers' logins see it; who uploaded it always does."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )
    current = models.OneToOneField(
        "documents.DocumentVersion", on_delete=models.RESTRICT, related_name="+", null=True
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(name="document_of_application", fields=["application", "-created_at", "-id"]),
            models.Index(name="document_recent", fields=["-created_at", "-id"]),
            models.Index(name="document_kind", fields=["kind", "-created_at", "-id"]),
        ]
        constraints = [
            models.CheckConstraint(name="document_kind_known", condition=Q(kind__in=DocumentKind.values))
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersionQuerySet(ScopedQuerySet):
    """Versions follow their document."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("document"),
        Role.BROKER: through("document"),
        Role.CLIENT: through("document"),
    }


class DocumentVersion(models.Model):
    """One version of a document. Its bytes never change; what a worker finds in them is added.

    `name` is the file's, without a path. `attempts` counts how often a worker began to read it; until
    `lease_until` nobody else does. `problem` says in words what could not be read of it.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField(help_text="From 1, without gaps.")
    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="version")
    name = models.CharField(max_length=200)
    note = models.CharField(max_length=500, blank=True, help_text="What is new in it.")
    status = models.CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.PROCESSING)
    pages = models.PositiveIntegerField(null=True)
    text = models.TextField(blank=True, help_text="What was found in it, for search.")
    thumbnail = models.BinaryField(null=True, help_text="WebP, of the first page.")
    has_thumbnail = models.BooleanField(default=False)
    problem = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    scanned_at = models.DateTimeField(null=True, help_text="When the scan found nothing in it.")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)

    objects = DocumentVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="document_version_number_once", fields=["document", "number"]),
            models.CheckConstraint(name="document_version_number_from_1", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="document_version_thumbnail_is_told",
                condition=Q(has_thumbnail=True, thumbnail__isnull=False)
                | Q(has_thumbnail=False, thumbnail=None),
            ),
            models.CheckConstraint(
                name="document_version_status_known", condition=Q(status__in=VersionStatus.values)
            ),
        ]
        indexes = [
            models.Index(
                name="document_version_processing",
                fields=["lease_until", "id"],
                condition=Q(status=VersionStatus.PROCESSING),
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number} of document {self.document_id}"


class DocumentWords(models.Model):
    """The words by which a document is found: its title, its file's name, the text of its current version."""

    document = models.OneToOneField(
        Document, on_delete=models.CASCADE, primary_key=True, related_name="words"
    )
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(name="document_words", fields=["words"], fastupdate=False)]

    def __str__(self) -> str:
        return f"words of document {self.document_id}"
