"""Requests for signatures, who is to sign, and what they did."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from crm_backend.common.encrypted_fields import EncryptedTextField
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through, where
from documents.choices import (
    UNFINISHED_REQUESTS,
    SignatureRequestStatus,
    SignerStatus,
    SigningMailKind,
    SigningMailStatus,
    SigningMethod,
)
from documents.models.files import Document, DocumentVersion
from users.choices import Role

BUILT_IN = "built_in"


TO_SIGN_OR_SEE = any_of(
    through("document"),
    where("where I am a signer", lambda user: Q(pk__in=Signer.objects.filter(user=user).values("request"))),
)


class SignatureRequestQuerySet(ScopedQuerySet):
    """Requests follow their document; a signer sees those to sign as well."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: TO_SIGN_OR_SEE,
        Role.BROKER: TO_SIGN_OR_SEE,
        Role.CLIENT: TO_SIGN_OR_SEE,
    }

    def unfinished(self) -> "SignatureRequestQuerySet":
        """Those that can still come to something."""
        return self.filter(status__in=UNFINISHED_REQUESTS)


class SignatureRequest(models.Model):
    """A version of a document that some people are to sign until a time (UTC).

    `signed_version` is the file that all have signed. `provider` is who collects the signatures: the product
    itself, or an outside provider, which knows the request by `external_id`. `attempts` and `retry_at` are
    of telling the provider; `problem` says in words why that failed.
    """

    document = models.ForeignKey(
        Document, on_delete=models.PROTECT, related_name="signature_requests", db_index=False
    )
    version = models.ForeignKey(
        DocumentVersion, on_delete=models.PROTECT, related_name="signature_requests", db_index=False
    )
    status = models.CharField(max_length=16, choices=SignatureRequestStatus.choices)
    message = models.CharField(max_length=1000, blank=True, help_text="To the signers.")
    in_order = models.BooleanField(
        default=False, help_text="Whether each signer is asked only when those before have signed."
    )
    provider = models.CharField(max_length=32, default=BUILT_IN)
    external_id = models.CharField(max_length=100, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    seal_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the certificate that the signed file was sealed with."
    )
    signed_version = models.OneToOneField(
        DocumentVersion, on_delete=models.PROTECT, null=True, related_name="signed_by_request"
    )

    objects = SignatureRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="signature_request_status_known", condition=Q(status__in=SignatureRequestStatus.values)
            ),
            models.CheckConstraint(
                name="signature_request_finished_has_time",
                condition=Q(status__in=UNFINISHED_REQUESTS, finished_at=None)
                | (~Q(status__in=UNFINISHED_REQUESTS) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="signature_request_completed_has_file",
                condition=Q(status=SignatureRequestStatus.COMPLETED, signed_version__isnull=False)
                | (~Q(status=SignatureRequestStatus.COMPLETED) & Q(signed_version=None)),
            ),
            models.UniqueConstraint(
                name="signature_request_unfinished_once",
                fields=["document"],
                condition=Q(status__in=UNFINISHED_REQUESTS),
            ),
            models.UniqueConstraint(
                name="signature_request_external_id_once",
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
            ),
        ]
        indexes = [
            models.Index(name="signature_request_of_document", fields=["document", "-id"]),
            models.Index(name="signature_request_version", fields=["version"]),
            models.Index(name="signature_request_recent", fields=["-created_at", "-id"]),
            models.Index(name="signature_request_status", fields=["status", "-created_at", "-id"]),
            models.Index(
                name="signature_request_unfinished",
                fields=["expires_at", "id"],
                condition=Q(status__in=UNFINISHED_REQUESTS),
            ),
        ]

    def __str__(self) -> str:
        return f"signature request {self.pk} of document {self.document_id}"

    @property
    def is_unfinished(self) -> bool:
        """Whether it can still come to something."""
        return self.status in UNFINISHED_REQUESTS


class Signer(models.Model):
    """Someone who is to sign. `user` is their login, if they have one; anyone else comes by a link.

    `token_hash` is the SHA-256 of the latest link's token. `record` is what a signature says: who signed
    what, when, from where, and how; `record_sha256` is of its canonical JSON, which names the hash of the
    record before it, so that none of a chain can be changed, left out or put between others unnoticed. The
    image is kept here (docs/adr/0014).
    """

    request = models.ForeignKey(
        SignatureRequest, on_delete=models.CASCADE, related_name="signers", db_index=False
    )
    position = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=200)
    email = models.EmailField()
    status = models.CharField(max_length=16, choices=SignerStatus.choices, default=SignerStatus.WAITING)
    token_hash = models.CharField(max_length=64, blank=True)
    viewed_at = models.DateTimeField(null=True)
    acted_at = models.DateTimeField(null=True, help_text="When they signed or declined.")
    reason = models.CharField(max_length=500, blank=True, help_text="For declining.")
    method = models.CharField(max_length=16, choices=SigningMethod.choices, blank=True)
    image = models.BinaryField(null=True, help_text="PNG, of a drawn signature.")
    record = models.JSONField(null=True)
    record_sha256 = models.CharField(max_length=64, blank=True)
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signer_position_once", fields=["request", "position"]),
            models.UniqueConstraint(name="signer_email_once", fields=["request", "email"]),
            models.UniqueConstraint(
                name="signer_token_once", fields=["token_hash"], condition=~Q(token_hash="")
            ),
            models.CheckConstraint(name="signer_status_known", condition=Q(status__in=SignerStatus.values)),
            models.CheckConstraint(
                name="signer_acted_has_time",
                condition=Q(status=SignerStatus.WAITING, acted_at=None)
                | (~Q(status=SignerStatus.WAITING) & Q(acted_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="signer_signed_has_record",
                condition=Q(status=SignerStatus.SIGNED, record__isnull=False)
                | (~Q(status=SignerStatus.SIGNED) & Q(record=None)),
            ),
        ]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.name} on signature request {self.request_id}"


class SigningMail(models.Model):
    """A mail that a signer is owed. The link in it is made when it is sent, so that no row holds one."""

    signer = models.ForeignKey(Signer, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=16, choices=SigningMailKind.choices)
    status = models.CharField(
        max_length=16, choices=SigningMailStatus.choices, default=SigningMailStatus.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                name="signing_mail_pending", fields=["id"], condition=Q(status=SigningMailStatus.PENDING)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to signer {self.signer_id}: {self.status}"


class ProviderDelivery(models.Model):
    """A message of an outside provider that was taken; the same one does nothing when it comes again."""

    provider = models.CharField(max_length=32)
    delivery_id = models.CharField(max_length=100)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="provider_delivery_once", fields=["provider", "delivery_id"])
        ]
        indexes = [models.Index(name="provider_delivery_age", fields=["received_at"])]

    def __str__(self) -> str:
        return f"{self.provider} {self.delivery_id}"


class SealKey(models.Model):
    """The key that signed files are sealed with where the settings name none: made once, self-signed.

    `private_key` is encrypted (docs/adr/0010); `certificate` is PEM.
    """

    private_key = EncryptedTextField()
    certificate = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"seal key {self.pk}"
