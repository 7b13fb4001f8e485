"""API keys: making, renewing, checking, revoking.

A secret is 256 random bits, so one round of SHA-256 keeps it: there is nothing to guess that a slow hash
would protect, and a check costs microseconds on every request.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string

from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import save_changes
from events.services import emit
from users.events import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated, ApiKeyUpdated
from users.models import ApiKey, User
from users.services.logins import user_changed

BRAND = "crm"
DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=7)
LAST_USED_GRAIN = timedelta(minutes=1)

_PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_PREFIX_LENGTH = 12
_KEY = re.compile(rf"{BRAND}_(?P<prefix>[a-z0-9]{{{_PREFIX_LENGTH}}})_(?P<secret>[A-Za-z0-9_-]{{1,64}})")


def api_key_create(*, actor: User, user: User, **fields: Any) -> tuple[ApiKey, str]:
    """Make a key with which programs act as `user`; return it, and the key itself for once.

    Raises:
        InvalidInput: `user`: the account may not log in.
    """
    if not user.is_active:
        raise InvalidInput.field("user", "This account may not log in.")
    secret = _new_secret()
    with transaction.atomic():
        key = ApiKey.objects.create(
            user=user,
            created_by=actor,
            prefix=get_random_string(_PREFIX_LENGTH, _PREFIX_ALPHABET),
            secret_hash=_hash(secret),
            **fields,
        )
        emit(ApiKeyCreated(**_label(key)), actor=actor, subject=key, recipients=[user])
    return key, _full(key, secret)


def api_key_update(*, key: ApiKey, actor: User, **fields: Any) -> ApiKey:
    """Change a key's name, scopes, limit or end; its owner and its secret stay."""
    with transaction.atomic():
        if changed := save_changes(key, fields):
            user_changed(key.user_id)
            updated = ApiKeyUpdated(**_label(key), field_names=", ".join(changed))
            emit(updated, actor=actor, subject=key)
    return key


def api_key_rotate(*, key: ApiKey, actor: User, previous_until: datetime | None) -> tuple[ApiKey, str]:
    """Give a key a new secret; return it, and the new key itself for once.

    The old secret goes on until `previous_until`, or ends at once where that is None; one that was still
    good from an earlier rotation ends in any case.

    Raises:
        InvalidInput: `previous_valid_until` has passed, or is more than seven days away.
        Conflict: the key has expired.
    """
    now = timezone.now()
    if previous_until is not None and not now < previous_until <= now + MAX_OVERLAP:
        raise InvalidInput.field("previous_valid_until", "Must be within the next seven days.")
    secret = _new_secret()
    with transaction.atomic():
        key = ApiKey.objects.select_for_update(of=("self",)).select_related("user").get(pk=key.pk)
        if key.expires_at is not None and key.expires_at <= now:
            raise Conflict("This key has expired. Give it a later end first.")
        key.previous_hash = key.secret_hash if previous_until else ""
        key.previous_expires_at = previous_until
        key.secret_hash, key.rotated_at = _hash(secret), now
        names = ["previous_hash", "previous_expires_at", "secret_hash", "rotated_at", "updated_at"]
        key.save(update_fields=names)
        user_changed(key.user_id)
        until = previous_until.isoformat() if previous_until else ""
        rotated = ApiKeyRotated(**_label(key), previous_until=until)
        emit(rotated, actor=actor, subject=key, recipients=[key.user_id])
    return key, _full(key, secret)


def api_key_revoke(*, key: ApiKey, actor: User) -> None:
    """Delete a key; whatever uses it is refused from now on."""
    with transaction.atomic():
        emit(ApiKeyRevoked(**_label(key)), actor=actor, subject=key, recipients=[key.user_id])
        key.delete()
        user_changed(key.user_id)


def api_key_of(raw: str) -> ApiKey | None:
    """The live key, with its owner, that a program sent; None for any that is not good.

    The row is found by the public prefix; secrets are compared as hashes, in constant time.
    """
    parts = _KEY.fullmatch(raw)
    if parts is None:
        return None
    key = ApiKey.objects.select_related("user").filter(prefix=parts["prefix"]).first()
    if key is None or not api_key_is_good(key, raw):
        return None
    return key


def api_key_used(key: ApiKey) -> None:
    """Note that a key was used; at most once a minute, so that reading costs no write."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at <= now - LAST_USED_GRAIN:
        unwritten = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_GRAIN)
        ApiKey.objects.filter(unwritten, pk=key.pk).update(last_used_at=now)
        key.last_used_at = now


def api_key_is_good(key: ApiKey, raw: str) -> bool:
    """Whether what a program sent is the key's secret, or the one before it, and the key is good by now."""
    parts = _KEY.fullmatch(raw)
    if parts is None:
        return False
    now, given = timezone.now(), _hash(parts["secret"])
    current = constant_time_compare(given, key.secret_hash)
    previous = constant_time_compare(given, key.previous_hash)
    overlaps = key.previous_expires_at is not None and key.previous_expires_at > now
    return (
        (current or (previous and overlaps))
        and (key.expires_at is None or key.expires_at > now)
        and key.user.is_active
    )


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _full(key: ApiKey, secret: str) -> str:
    return f"{BRAND}_{key.prefix}_{secret}"


def _label(key: ApiKey) -> dict[str, str]:
    return {"label": key.name, "prefix": key.prefix}
