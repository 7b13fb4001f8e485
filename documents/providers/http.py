"""The generic provider: JSON over HTTP, behind a circuit breaker."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pybreaker

from crm_backend.common.breakers import breaker_of
from documents.providers import OutgoingRequest, ProviderRefused, ProviderUnavailable

LARGEST_FILE = 64 * 1024 * 1024
PDF_START = b"%PDF-"
MAX_RETRY_AFTER = 3600


class HttpProvider:
    """A provider at an address, with a bearer token. `seconds` is how long an answer is waited for."""

    name = "http"

    def __init__(self, *, url: str, token: str, seconds: float) -> None:
        self.url, self.token, self.seconds = url, token, seconds

    def send(self, request: OutgoingRequest) -> str:
        """Post the request; its key lets the provider know one that it has."""
        body = {
            "title": request.title,
            "message": request.message,
            "expires_at": request.expires_at,
            "in_order": request.in_order,
            "signers": [vars(one) for one in request.signers],
            "document": {
                "name": request.file_name,
                "sha256": request.sha256,
                "content": base64.b64encode(request.content).decode(),
            },
        }
        reply = self._call("POST", "/requests", json=body, headers={"Idempotency-Key": request.key})
        try:
            external_id = str(reply.json()["id"])
        except (ValueError, KeyError, TypeError):
            raise ProviderUnavailable("The provider's answer has no id.") from None
        if not 0 < len(external_id) <= 100:
            raise ProviderRefused("The provider's id is too long.")
        return external_id

    def cancel(self, external_id: str) -> None:
        """Post the cancellation."""
        try:
            self._call("POST", f"/requests/{_quoted(external_id)}/cancel")
        except ProviderRefused:
            return

    def signed_file(self, external_id: str) -> bytes:
        """Get the file."""
        content = self._call("GET", f"/requests/{_quoted(external_id)}/document").content
        if not content.startswith(PDF_START):
            raise ProviderRefused("The provider's file is no PDF.")
        return content

    def _call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        return self._guarded(lambda: self._answer(method, self.url + path, headers=headers, **kwargs))

    def _guarded(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """Call unless the breaker is open; a refusal is an answer, and no failure of the provider."""
        breaker = breaker_of(f"esign-{self.name}")
        try:
            reply = breaker.call(call)
        except pybreaker.CircuitBreakerError:
            raise ProviderUnavailable(
                "The provider failed too often; it is left alone for a while."
            ) from None
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"The provider does not answer ({type(error).__name__}).") from None
        if reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise ProviderUnavailable("The provider has too many requests.", _retry_after(reply))
        if reply.is_error:
            raise ProviderRefused(f"The provider refused with status {reply.status_code}.")
        return reply

    def _answer(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """One exchange without redirects, whose answer is read up to a size.

        Raises:
            httpx.HTTPError: no answer in time, or the provider's own failure (5xx): the breaker counts it.
        """
        with (
            httpx.Client(timeout=self.seconds, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, **kwargs) as reply,
        ):
            content = b""
            for part in reply.iter_bytes():
                content += part
                if len(content) > LARGEST_FILE:
                    raise httpx.ReadError("The answer is too large.")
            if reply.is_server_error:
                reply.raise_for_status()
            return httpx.Response(reply.status_code, headers=_kept(reply.headers), content=content)


def _quoted(external_id: str) -> str:
    return quote(external_id, safe="")


def _kept(headers: httpx.Headers) -> dict[str, str]:
    """What is looked at; not the encoding, which is undone."""
    return {name: headers[name] for name in ("content-type", "retry-after") if name in headers}


def _retry_after(reply: httpx.Response) -> int | None:
    text = reply.headers.get("retry-after", "")
    return min(int(text), MAX_RETRY_AFTER) if text.isascii() and text.isdigit() else None
