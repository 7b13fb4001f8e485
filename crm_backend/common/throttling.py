"""Rate limits: one atomic counter per window in Redis, and `RateLimit-*` headers on every reply."""

import time
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from crm_backend.common.credentials import Credential
from crm_backend.common.roundtrip import Trip, trip_of

if TYPE_CHECKING:
    from rest_framework.views import APIView

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@lru_cache(1000)
def parse_rate(rate: str) -> tuple[int, int]:
    """`"120/minute"` → (120, 60): requests, and seconds of the window."""
    count, _, period = rate.partition("/")
    return int(count), _SECONDS[period[0]]


class Caller(NamedTuple):
    """Who asks, as far as counting goes: the logged-in user, and the credential of a program."""

    user_id: int | None = None
    credential: Credential | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """The caller of an authenticated request."""
        credential = request.auth if isinstance(request.auth, Credential) else None
        user_id = request.user.pk if request.user and request.user.is_authenticated else None
        return cls(user_id, credential)


class Window(NamedTuple):
    """At most `limit` requests under one name; `reset` is how many seconds it goes on."""

    name: str
    limit: int
    seconds: int
    reset: int


def count_ahead(request: Request, caller: Caller, *, generations: Iterable[str]) -> None:
    """Count a request whose caller is known before the login is checked, in the trip that checks it.

    The throttles find their counts there, unless the check fails and the caller is another one: nobody.
    """
    view: APIView = request.parser_context["view"]
    count(trip_of(request), windows_of(view.get_throttles(), request, caller), generations=generations)


def count(trip: Trip, windows: Collection[Window], *, generations: Iterable[str] = ()) -> None:
    """Count a request in its windows, and read generations in the same trip."""
    trip.take(
        counters={window.name: window.seconds for window in windows},
        generations=generations,
        limits={window.name: window.limit for window in windows},
    )


def windows_of(throttles: Iterable[BaseThrottle], request: Any, caller: Caller) -> list[Window]:
    """The windows that a request falls into."""
    found = (one.window(request, caller) for one in throttles if isinstance(one, WindowThrottle))
    return [window for window in found if window is not None]


class RateLimit(NamedTuple):
    """What is left of the tightest of a caller's windows."""

    limit: int
    remaining: int
    reset: int

    is_over: bool

    @classmethod
    def of(cls, window: Window, used: int) -> Self:
        """What is left of a window."""
        return cls(window.limit, max(0, window.limit - used), window.reset, used > window.limit)

    def headers(self) -> list[tuple[str, str]]:
        """What a reply tells of it."""
        return [
            ("RateLimit-Limit", str(self.limit)),
            ("RateLimit-Remaining", str(self.remaining)),
            ("RateLimit-Reset", str(self.reset)),
        ]


class WindowThrottle(BaseThrottle):
    """At most N requests of one key in each fixed window, counted by one increment.

    A fixed window costs a single round trip and cannot be raced, where DRF's sliding history
    reads, edits and writes back a list.
    """

    scope: ClassVar[str]
    # Whether it looks at nothing of a request of a known caller but its method.
    by_caller: ClassVar[bool] = False

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """Whom to count; None leaves the request uncounted."""
        raise TypeError(f"{type(self).__name__} must say whom it counts")

    def get_rate(self, caller: Caller) -> str:
        """How many in which time; empty for any number."""
        return str(api_settings.DEFAULT_THROTTLE_RATES.get(self.scope) or "")

    def window(self, request: Request, caller: Caller) -> Window | None:
        """The window that a request of this caller falls into; None where it is not counted."""
        key = self.get_key(request, caller)
        rate = self.get_rate(caller)
        if key is None or not rate:
            return None
        limit, seconds = parse_rate(rate)
        now = time.time()
        # By its limit too: numbers that were taken ahead below another one are not of this count.
        name = f"throttle:{self.scope}:{key}:{limit}:{int(now // seconds)}"
        return Window(name, limit, seconds, reset=int(seconds - now % seconds) + 1)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count this request, unless that was done ahead; False once the window is full."""
        window = self.window(request, Caller.of(request))
        if window is None:
            return True
        self.reset = window.reset
        trip = trip_of(request)
        if window.name not in trip.counted:
            count(trip, [window])
        used = trip.counted.pop(window.name)
        limit = RateLimit.of(window, used)
        self._remember(request, limit)
        return not limit.is_over

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return float(self.reset)

    def _remember(self, request: Request, limit: RateLimit) -> None:
        """Keep the tightest limit for the headers that the base view writes."""
        current: RateLimit | None = getattr(request, "rate_limit", None)
        if current is None or limit.remaining < current.remaining:
            request.rate_limit = limit  # type: ignore[attr-defined]


class UserThrottle(WindowThrottle):
    """Requests of one logged-in user; their programs are counted by key, and cannot use it up."""

    scope = "user"
    by_caller = True

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The user's id."""
        return None if caller.credential or caller.user_id is None else str(caller.user_id)


class ApiKeyThrottle(WindowThrottle):
    """Requests of one API key, by its own limit where it has one."""

    scope = "api_key"
    by_caller = True

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The key's prefix."""
        return caller.credential.key if caller.credential else None

    def get_rate(self, caller: Caller) -> str:
        """The key's own limit, else the installation's."""
        if caller.credential and caller.credential.requests_per_minute:
            return f"{caller.credential.requests_per_minute}/minute"
        return super().get_rate(caller)


class AnonymousThrottle(WindowThrottle):
    """Requests of one address that sends no login."""

    scope = "anonymous"
    by_caller = True

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The caller's address, as far as the configured proxies can be trusted."""
        return self.get_ident(request) if caller.user_id is None else None


class AuthThrottle(WindowThrottle):
    """Login, registration and reset requests of one address; stricter than the rest."""

    scope = "auth"

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The caller's address."""
        return self.get_ident(request)


class UploadThrottle(WindowThrottle):
    """Uploads of one logged-in user or one API key, which cost more than other requests."""

    scope = "upload"
    by_caller = True

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The key's prefix or the user's id, when something is sent."""
        if request.method != "POST" or caller.user_id is None:
            return None
        return f"key:{caller.credential.key}" if caller.credential else str(caller.user_id)
