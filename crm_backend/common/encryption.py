"""Values that the database must not be able to read: encrypted with Fernet, found by a keyed hash.

The keys are the setting `FIELD_ENCRYPTION_KEYS`; the first one encrypts, all of them decrypt. What is
stored names its key (`1a2b3c4d:gAAAA…`), so that reading tries one key only and a change of keys can tell
what is still to do. Fernet is AES-128-CBC with an HMAC-SHA256 over it (its specification: the package
`cryptography`), so a value that somebody edited is noticed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

logger = structlog.get_logger(__name__)

SHOWN = 3
DOT = "•"
# Shown for what no key reads. It has no length and no digits of its own.
UNREADABLE = DOT * 6
# Shown for what is masked as a whole, whatever its length.
WHOLE = DOT * 9


class Undecryptable(ValueError):
    """A stored value that none of the keys reads: its key is missing, or somebody edited it."""


class Key:
    """One key, in its two uses: encrypting, and hashing what has to be found."""

    def __init__(self, text: str) -> None:
        raw = base64.urlsafe_b64decode(text)
        self.id = hmac.digest(raw, b"id", "sha256").hex()[:8]
        self.fernet = Fernet(text)
        self._index_key = hmac.digest(raw, b"blind index", "sha256")

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def fingerprint(self, text: str, purpose: str) -> str:
        """Equal for equal text of one purpose, and of no use to whoever lacks the key."""
        return hmac.digest(self._index_key, f"{purpose}\0{text}".encode(), hashlib.sha256).hex()


class Keyring:
    """The keys of this installation, newest first."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = {key.id: key for key in map(Key, keys)}
        self.newest = next(iter(self.keys.values()))

    def encrypt(self, text: str) -> str:
        """What to store."""
        return f"{self.newest.id}:{self.newest.fernet.encrypt(text.encode()).decode()}"

    def decrypt(self, stored: str) -> str:
        """The text again.

        Raises:
            Undecryptable: see there; the message does not hold the value.
        """
        key_id, _, token = stored.partition(":")
        key = self.keys.get(key_id)
        if key is None:
            raise Undecryptable("it was encrypted with a key that is not among FIELD_ENCRYPTION_KEYS")
        try:
            return key.fernet.decrypt(token).decode()
        except InvalidToken:
            raise Undecryptable("it is not what was encrypted") from None

    def fingerprint(self, text: str, purpose: str) -> str:
        """The hash to store: by the newest key, "" of nothing."""
        return self.newest.fingerprint(text, purpose) if text else ""

    def fingerprints(self, text: str, purpose: str) -> list[str]:
        """The hashes to look for: by every key, as rows may not all have the newest one's yet."""
        return [key.fingerprint(text, purpose) for key in self.keys.values()] if text else []


@lru_cache(maxsize=8)
def _keyring_of(keys: tuple[str, ...]) -> Keyring:
    return Keyring(keys)


def keyring() -> Keyring:
    """The keys of the settings."""
    return _keyring_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


def mask(text: str) -> str:
    """All but the last three characters hidden; of six or fewer, everything."""
    shown = text[-SHOWN:] if len(text) > 2 * SHOWN else ""
    return DOT * (len(text) - len(shown)) + shown


class Secret:
    """What a row holds in an encrypted column: decrypted when asked, and never by being printed.

    Two are equal when their texts are; one that cannot be read equals only itself.
    """

    __slots__ = ("place", "stored")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, stored: str, place: str = "") -> None:
        self.stored = stored
        self.place = place

    def __repr__(self) -> str:
        return f"Secret({DOT * 3})"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.stored)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret) and other.stored == self.stored:
            return True
        mine, theirs = self.read(), other.read() if isinstance(other, Secret) else other
        return mine is not None and mine == theirs

    def reveal(self) -> str:
        """The text.

        Raises:
            Undecryptable: no key reads it.
        """
        return keyring().decrypt(self.stored) if self.stored else ""

    def read(self) -> str | None:
        """The text, or None and a line in the log when it cannot be read: one bad row fails no page."""
        try:
            return self.reveal()
        except Undecryptable as error:
            logger.error("encryption.undecryptable", column=self.place, reason=str(error))
            return None


def plain(value: Any) -> str | None:
    """The text of a column's value, be it read from the database or just set; None if unreadable."""
    return value.read() if isinstance(value, Secret) else str(value)
