"""Signatures by which borrowers agree to an application."""

from django.conf import settings
from django.db import models

from applications.models.applications import Application
from crm_backend.common.dates import validate_not_future
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through
from users.choices import Role


class SignatureQuerySet(ScopedQuerySet):
    """Signatures follow their application."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: through("application"),
        Role.CLIENT: through("application"),
    }


class Signature(models.Model):
    """One signature: the image as it was drawn, who drew it, when, from where, and what they agreed to.

    `terms` are the application's as they stood; `sha256` is of the image's bytes. Never edited.
    """

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="signatures", db_index=False
    )
    name = models.CharField(max_length=200, help_text="As the signer wrote it.")
    signature_date = models.DateField(validators=[validate_not_future])
    image = models.BinaryField()
    width = models.PositiveSmallIntegerField(help_text="Pixels.")
    height = models.PositiveSmallIntegerField(help_text="Pixels.")
    sha256 = models.CharField(max_length=64)
    terms = models.JSONField()
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(auto_now_add=True)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)

    objects = SignatureQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="signature_recent", fields=["application", "-id"])]

    def __str__(self) -> str:
        return f"signature of {self.name} on application {self.application_id}"
