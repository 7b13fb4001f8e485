"""The key that this installation seals with."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone

from crm_backend.common.encryption import plain
from documents.models import SealKey
from documents.sealing.keys import Seal, from_pem, from_pkcs12, self_signed


def seal_of_settings() -> Seal:
    """The key that the settings name, or else the one that is kept in the database, made when there is none.

    Raises:
        ImproperlyConfigured: the file or its password is wrong, or the kept key cannot be decrypted.
    """
    if settings.SIGNING_PKCS12 is not None:
        try:
            return from_pkcs12(settings.SIGNING_PKCS12.read_bytes(), settings.SIGNING_PKCS12_PASSWORD)
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"SIGNING_PKCS12 cannot be read: {type(error).__name__}") from None
    return _kept() or _made()


def _kept() -> Seal | None:
    row = SealKey.objects.order_by("-pk").first()
    if row is None:
        return None
    private_key = plain(row.private_key)
    if private_key is None:
        raise ImproperlyConfigured("The key of signed files cannot be read with FIELD_ENCRYPTION_KEYS.")
    return from_pem(private_key, row.certificate)


def _made() -> Seal:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('documents.seal_key', 0))")
        if (kept := _kept()) is not None:
            return kept
        seal = self_signed(settings.LENDER_NAME, timezone.now())
        private_key, certificate = seal.to_pem()
        SealKey.objects.create(private_key=private_key, certificate=certificate)
    return seal
