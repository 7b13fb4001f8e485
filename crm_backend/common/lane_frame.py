"""The ground of the express lanes, for reads (`lane`) and for writes (`write_lane`).

What a request of a known kind is known by, who is let in, the view that stands for the one the dispatch would
have made, and what frames a reply.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from django.core.handlers.wsgi import get_path_info, get_script_name
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.text import compress_string
from rest_framework.settings import api_settings

from crm_backend.common.credentials import Recalled
from crm_backend.common.middleware import unversioned
from crm_backend.common.read_engine.shapes import LIST, RETRIEVE
from crm_backend.common.read_engine.statements import MOST, is_in_range
from crm_backend.common.renderers import ORJSONRenderer
from crm_backend.common.roundtrip import Trip
from crm_backend.common.throttling import Caller, RateLimit, count, windows_of
from crm_backend.common.viewsets import ChildMixin, ListMixin, RetrieveMixin, ScopedViewSet

COMPRESSED = 200  # bytes; what is shorter Django does not compress
DIGITS = len(str(MOST))  # of the longest key that there is

# What Django finds the path of a request in.
PLACE = ("PATH_INFO", "SCRIPT_NAME", "SCRIPT_URL", "REDIRECT_URL")
LONGEST = 500  # of paths that are remembered, so that nobody fills the memory with them
# What decides a reply besides address, role and rows. Behind a proxy the middle ones decide its links.
DECIDING = (
    "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ORIGIN", "HTTP_HOST", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PROTO",
)  # fmt: skip
# Headers that are made for each reply.
OWN = {"content-length", "content-encoding", "etag", "vary", "x-request-id",
       "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}  # fmt: skip
# What a view must leave to the base, whose ways are known here.
BASE = (
    "dispatch", "initialize_request", "initial", "perform_authentication", "check_permissions",
    "check_throttles", "determine_version", "perform_content_negotiation", "finalize_response",
    "get_authenticators", "get_permissions", "get_renderers",
    "get_paginated_response", "policy_action", "etag_of", "parent", "authentication_classes",
    "permission_classes", "renderer_classes", "content_negotiation_class", "versioning_class",
)  # fmt: skip
METHODS = {LIST: ListMixin, RETRIEVE: RetrieveMixin}
RENDERER = ORJSONRenderer()

Kind = tuple[Any, ...]


class Asked:
    """A request, as far as a lane looks at it.

    Args:
        meta: of the request: its WSGI environment or what Django makes of an ASGI scope.
        path: of its address, as routes see it.
        base: the scheme by which it came here, and what stands before the path.
        trip: its trip to Redis.
        request: makes Django's request, for views and serializers that ask for it.
    """

    def __init__(
        self,
        meta: Mapping[str, Any],
        path: str,
        base: tuple[str, str],
        trip: Trip,
        request: Callable[[], HttpRequest],
    ) -> None:
        self.meta, self.path, self.base, self.trip, self.request = meta, path, base, trip, request
        self.method: str = meta["REQUEST_METHOD"]
        self.address, self.keys = (_parts if len(path) <= LONGEST else _parts.__wrapped__)(path)

    @property
    def full_path(self) -> str:
        """Path and query, as Django writes them into an address."""
        return _written(self.path, self.meta.get("QUERY_STRING", ""))

    def kind(self, role: str) -> Kind:
        """What it has in common with others that one recipe serves."""
        return (self.method, self.address, role, *self.base, *map(self.meta.get, DECIDING))


def place_of(environ: Mapping[str, Any]) -> tuple[str, str]:
    """The path that routes see, and what stands before it."""
    values = tuple(map(environ.get, PLACE))
    return (_place if len(values[0] or "") <= LONGEST else _place.__wrapped__)(*values)


@lru_cache(1000)
def _place(*values: Any) -> tuple[str, str]:
    given = {name: value for name, value in zip(PLACE, values, strict=True) if value is not None}
    return get_path_info(given), get_script_name(given)


def _forget(**_: Any) -> None:
    _place.cache_clear()


setting_changed.connect(_forget)


@lru_cache(1000)
def _parts(path: str) -> tuple[tuple[str | None, ...], tuple[int, ...]]:
    """The parts of a path, None in the place of each number, and the numbers."""
    parts = path.split("/")
    keys = [part for part in parts if part.isdecimal() and part.isascii() and len(part) <= DIGITS]
    # No part of a path is None, whatever somebody writes there.
    return tuple(None if part in keys else part for part in parts), tuple(map(int, keys))


@lru_cache(1000)
def _written(path: str, query: str) -> str:
    return f"{escape_uri_path(path)}?{iri_to_uri(query)}" if query else escape_uri_path(path)


class Reply(NamedTuple):
    """A reply before anything has been made of it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    user_id: int


@dataclass(frozen=True)
class Frame:
    """What requests of one kind have in common, whether they read or write.

    Attributes:
        view, actions: make the view.
        lookups: the names of the keys in the address, in order.
        throttles: those of the view that count such a caller, whatever is asked.
        headers: those of every reply.
        vary: the headers that decide it.
    """

    view: Callable[[], Any]
    actions: Mapping[str, str]
    lookups: tuple[str, ...]
    throttles: list[Any]
    headers: tuple[tuple[str, str], ...]
    vary: tuple[str, ...]

    def kwargs(self, asked: Asked) -> dict[str, Any]:
        """The keys of an address, by their names."""
        return dict(zip(self.lookups, asked.keys, strict=True))

    def admitted(self, asked: Asked, login: Recalled) -> list[RateLimit] | None:
        """Count a request; the limits of who may ask now, None where the road has to say why not.

        Raises:
            RedisError: Redis does not answer.
        """
        trip, windows = asked.trip, windows_of(self.throttles, asked, Caller(login.user_id))
        count(trip, windows, generations=[login.name])
        if trip.generation(login.name) != login.generation or not all(map(is_in_range, asked.keys)):
            return None
        limits = [RateLimit.of(one, trip.counted[one.name]) for one in windows]
        return None if any(limit.is_over for limit in limits) else limits

    def view_of(self, asked: Asked, login: Recalled) -> Any:
        """The view as the dispatch would have made it, before it calls the action."""
        view, request = self.view(), asked.request()
        request.path_info = unversioned(request.path_info)
        view.action_map, view.args, view.format_kwarg = self.actions, (), None
        view.kwargs = self.kwargs(asked)
        view.request = view.initialize_request(request)
        view.request.user, view.request.auth = login.fresh()
        view.request.accepted_renderer, view.request.accepted_media_type = RENDERER, RENDERER.media_type
        return view

    def reply(
        self,
        asked: Asked,
        login: Recalled,
        limits: list[RateLimit],
        body: bytes,
        own: Mapping[str, str],
        status: int = 200,
    ) -> Reply:
        """A body as middleware would have sent it, with the reply's `own` headers."""
        headers = [(name, value) for name, value in self.headers if name not in own]
        vary, etag = self.vary, own.get("ETag", "")
        if len(body) >= COMPRESSED:
            vary = ("Accept-Encoding", *vary)
            small = _packed(asked.meta, body)
            if len(small) < len(body):
                body, etag = small, etag and f"W/{etag}"
                headers.append(("Content-Encoding", "gzip"))
        headers += [(name, etag if name == "ETag" else value) for name, value in own.items()]
        if vary:
            headers.append(("Vary", ", ".join(vary)))
        if limits:
            headers += min(limits, key=lambda limit: limit.remaining).headers()
        headers.append(("Content-Length", str(len(body))))
        return Reply(status, headers, body, login.user_id)


def frame_of(asked: Asked, view: Any, response: HttpResponse, own: Collection[str] = ()) -> Frame | None:
    """What is to be kept of a view that answered; None where another request might go another way.

    `own`: the names of headers, in lower case, that are of this one reply.
    """
    view_class: Any = type(view)
    initial = view.request.resolver_match.func.initkwargs
    is_other = response.cookies or tuple(view.kwargs.values()) != asked.keys
    # What `@action` was told is the action's own way.
    is_told = not initial.keys().isdisjoint(BASE)
    if is_other or is_told or not is_base(view_class, view.action) or not _is_recalled(view):
        return None
    vary = (name.strip() for name in response.headers.get("Vary", "").split(","))
    left_out = OWN.union(own)
    return Frame(
        partial(view_class, **initial),
        view.action_map,
        tuple(view.kwargs),
        [one for one in view.get_throttles() if windows_of([one], asked, Caller(view.caller.pk))],
        tuple((name, value) for name, value in response.headers.items() if name.lower() not in left_out),
        tuple(name for name in vary if name and name.lower() != "accept-encoding"),
    )


@cache
def is_base(view_class: Any, action: str) -> bool:
    """Whether a view does nothing in its own way but what its recipe does for it."""
    method = METHODS.get(action)
    known = [ChildMixin] if issubclass(view_class, ChildMixin) else []
    own = [
        name for name in BASE if getattr(view_class, name, None) is not _known(name, *known, ScopedViewSet)
    ]
    return not own and (method is None or getattr(view_class, action) is getattr(method, action))


def _known(name: str, *bases: Any) -> Any:
    return next((getattr(base, name) for base in bases if hasattr(base, name)), None)


def _is_recalled(view: Any) -> bool:
    """Whether the caller came with a login that can be recalled: a program's key is for the road."""
    return hasattr(view.request.auth, "session") and all(
        getattr(throttle, "by_caller", False) for throttle in view.get_throttles()
    )


def recall(header: str) -> Recalled | None:
    """The login behind a header, if it was checked a moment ago; its generation is still to be compared."""
    if not header:
        return None
    for way in _ways(tuple(api_settings.DEFAULT_AUTHENTICATION_CLASSES)):
        login: Recalled | None = way(header)
        if login is not None:
            return login
    return None


@cache
def _ways(classes: Any) -> list[Callable[[str], Recalled | None]]:
    return [one.recall for one in classes if hasattr(one, "recall")]


def _packed(meta: Mapping[str, Any], body: bytes) -> bytes:
    """The body as Django's middleware compresses it, if the caller takes that."""
    if not re_accepts_gzip.search(meta.get("HTTP_ACCEPT_ENCODING", "")):
        return body
    return compress_string(body, max_random_bytes=GZipMiddleware.max_random_bytes)


def look_after_connection(own: Any = None, *, is_before: bool = False) -> Any:
    """Around each request, what Django's signals do for each of its own: of the one database there is.

    Returns the thread's connection, which need not be looked up again afterwards.
    """
    own = connections[DEFAULT_DB_ALIAS] if own is None else own
    is_over = own.close_at is not None and own.close_at <= time.monotonic()
    if is_before or is_over or own.errors_occurred:
        own.close_if_unusable_or_obsolete()
    return own
