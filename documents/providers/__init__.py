"""Outside providers of electronic signatures: what is asked of one, and the generic one over HTTP.

A provider collects signatures in its own way and tells of them by messages to us. `Provider` is what we ask
of it; `http.HttpProvider` speaks the protocol of docs/signatures.md, which a small adapter translates for
others.
"""

from dataclasses import dataclass
from typing import Protocol


class ProviderUnavailable(Exception):
    """The provider did not answer, or not now; `retry_after` is in seconds, where it said so."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        self.message, self.retry_after = message, retry_after
        super().__init__(message)


class ProviderRefused(Exception):
    """The provider will not take this, however often it is asked."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class OutgoingSigner:
    """Somebody who is to sign; `position` is how the provider names them to us."""

    position: int
    name: str
    email: str


@dataclass(frozen=True)
class OutgoingRequest:
    """What a provider needs to know. `key` is the same each time one request is sent."""

    key: str
    title: str
    message: str
    expires_at: str
    file_name: str
    sha256: str
    content: bytes
    signers: tuple[OutgoingSigner, ...]
    in_order: bool = False


class Provider(Protocol):
    """An outside provider. Every method raises `ProviderUnavailable` or `ProviderRefused`."""

    name: str

    def send(self, request: OutgoingRequest) -> str:
        """Have signatures collected; the provider's own id of it. The same sent again makes no second one."""

    def cancel(self, external_id: str) -> None:
        """Take a request back; one that is over is no error."""

    def signed_file(self, external_id: str) -> bytes:
        """The signed PDF."""
