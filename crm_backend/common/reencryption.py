"""Encrypting everything with the newest key, so that older ones can be taken away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.apps import apps
from django.db import models, transaction
from django.db.models import Q

from crm_backend.common.encrypted_fields import BlindIndexField, EncryptedTextField
from crm_backend.common.encryption import Undecryptable, keyring

logger = structlog.get_logger(__name__)


@dataclass
class Outcome:
    """Of one model: rows encrypted anew, and values that no key reads."""

    model: str
    done: int = 0
    unreadable: int = 0


def encrypted_models() -> Iterator[type[models.Model]]:
    """Every model with an encrypted column."""
    for model in apps.get_models():
        if any(isinstance(field, EncryptedTextField) for field in model._meta.concrete_fields):
            yield model


def reencrypt(model: type[models.Model], *, batch_size: int, report: Callable[[Outcome], None]) -> Outcome:
    """Encrypt what an older key encrypted, and hash it anew, a batch in each transaction.

    What is done already is skipped, so that a run that was interrupted goes on where it was. A row that no
    key reads is logged by its id, counted, and left as it is.
    """
    outcome, last = Outcome(model._meta.label), 0
    while True:
        with transaction.atomic():
            rows = list(_stale(model).filter(pk__gt=last).order_by("pk")[:batch_size])
            for row in rows:
                _renew(row, outcome)
        if not rows:
            return outcome
        last = rows[-1].pk
        report(outcome)


def _fields(model: type[models.Model], kind: type[Any]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, kind)]


def _stale(model: type[models.Model]) -> models.QuerySet[Any]:
    """Rows with a value that is not of the newest key, locked."""
    newest, stale = f"{keyring().newest.id}:", Q(pk__in=[])
    for field in _fields(model, EncryptedTextField):
        stale |= ~Q(**{field.name: ""}) & ~Q(**{f"{field.name}__startswith": newest})
    return model._base_manager.filter(stale).select_for_update(of=("self",), no_key=True)


def _renew(row: Any, outcome: Outcome) -> None:
    names = []
    for field in _fields(type(row), EncryptedTextField):
        secret = getattr(row, field.name)
        try:
            setattr(row, field.name, secret.reveal())
            names.append(field.name)
        except Undecryptable as error:
            outcome.unreadable += 1
            logger.error("encryption.unreadable", column=secret.place, pk=row.pk, reason=str(error))
    if names:
        outcome.done += 1
        hashes = [field.name for field in _fields(type(row), BlindIndexField)]
        row.save(update_fields=[*names, *hashes])
