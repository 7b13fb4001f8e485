"""Base models and columns that several apps share, and the replies that are kept for repeated requests."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from crm_backend.common.encrypted_fields import EncryptedTextField


class TimestampedModel(models.Model):
    """When the row was made and last changed, UTC."""

    created_at = models.DateTimeField(auto_now_add=True, db_index=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def changed_names(row: models.Model, values: Mapping[str, Any]) -> list[str]:
    """The names, sorted, of the values that differ from the row's."""
    return sorted(name for name, value in values.items() if getattr(row, name) != value)


def save_changes(row: TimestampedModel, values: Mapping[str, Any]) -> list[str]:
    """Set and save what differs; return the names, for the event that tells of it."""
    changed = changed_names(row, values)
    if changed:
        for name in changed:
            setattr(row, name, values[name])
        row.save(update_fields=[*changed, "updated_at"])
    return changed


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Keys live for a time that the settings say."""

    def living(self) -> "IdempotencyKeyQuerySet":
        """Those that are still answered from."""
        return self.filter(created_at__gt=_end_of_life())

    def expired(self) -> "IdempotencyKeyQuerySet":
        """Those that are not."""
        return self.filter(created_at__lte=_end_of_life())


def _end_of_life() -> Any:
    return timezone.now() - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)


class IdempotencyKey(models.Model):
    """The reply to a request, kept with what the request wrote; see `crm_backend.common.idempotency`.

    The reply is encrypted: it may show its caller what other columns encrypt.
    """

    owner = models.CharField(max_length=80)  # `user:<id>`, or `key:<prefix>` of an API key
    route = models.CharField(max_length=255)  # method and address, without a version
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # keyed hash of the body
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "route", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
