"""Rate limits: one atomic counter per window in Redis, and `RateLimit-*` headers on every reply."""

import time
from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from crm_backend.common.counters import increment
from crm_backend.common.credentials import Credential

if TYPE_CHECKING:
    from rest_framework.views import APIView

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_rate(rate: str) -> tuple[int, int]:
    """`"120/minute"` → (120, 60): requests, and seconds of the window."""
    count, _, period = rate.partition("/")
    return int(count), _SECONDS[period[0]]


class WindowThrottle(BaseThrottle):
    """At most N requests of one key in each fixed window, counted by one increment.

    A fixed window costs a single round trip and cannot be raced, where DRF's sliding history
    reads, edits and writes back a list.
    """

    scope: ClassVar[str]

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """Whom to count; None leaves the request uncounted."""
        raise TypeError(f"{type(self).__name__} must say whom it counts")

    def get_rate(self, request: Request) -> str:
        """How many in which time; empty for any number."""
        return str(api_settings.DEFAULT_THROTTLE_RATES.get(self.scope) or "")

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count this request; False once the window is full."""
        key = self.get_key(request, view)
        rate = self.get_rate(request)
        if key is None or not rate:
            return True
        limit, window = parse_rate(rate)
        now = time.time()
        self.reset = int(window - now % window) + 1
        name = f"throttle:{self.scope}:{key}:{int(now // window)}"
        used = increment(name, window)
        self._remember(request, limit, max(0, limit - used))
        return used <= limit

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return float(self.reset)

    def _remember(self, request: Request, limit: int, remaining: int) -> None:
        """Keep the tightest limit for the headers that the base view writes."""
        current: dict[str, Any] | None = getattr(request, "rate_limit", None)
        if current is None or remaining < current["remaining"]:
            request.rate_limit = {  # type: ignore[attr-defined]
                "limit": limit,
                "remaining": remaining,
                "reset": self.reset,
            }


class UserThrottle(WindowThrottle):
    """Requests of one logged-in user; their programs are counted by key, and cannot use it up."""

    scope = "user"

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """The user's id."""
        if isinstance(request.auth, Credential):
            return None
        return str(request.user.pk) if request.user and request.user.is_authenticated else None


class ApiKeyThrottle(WindowThrottle):
    """Requests of one API key, by its own limit where it has one."""

    scope = "api_key"

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """The key's prefix."""
        return request.auth.key if isinstance(request.auth, Credential) else None

    def get_rate(self, request: Request) -> str:
        """The key's own limit, else the installation's."""
        credential = request.auth
        if isinstance(credential, Credential) and credential.requests_per_minute:
            return f"{credential.requests_per_minute}/minute"
        return super().get_rate(request)


class AnonymousThrottle(WindowThrottle):
    """Requests of one address that sends no login."""

    scope = "anonymous"

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """The caller's address, as far as the configured proxies can be trusted."""
        return None if request.user and request.user.is_authenticated else self.get_ident(request)


class AuthThrottle(WindowThrottle):
    """Login, registration and reset requests of one address; stricter than the rest."""

    scope = "auth"

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """The caller's address."""
        return self.get_ident(request)


class UploadThrottle(WindowThrottle):
    """Uploads of one logged-in user or one API key, which cost more than other requests."""

    scope = "upload"

    def get_key(self, request: Request, view: "APIView") -> str | None:
        """The key's prefix or the user's id, when something is sent."""
        if request.method != "POST" or not (request.user and request.user.is_authenticated):
            return None
        if isinstance(request.auth, Credential):
            return f"key:{request.auth.key}"
        return str(request.user.pk)
