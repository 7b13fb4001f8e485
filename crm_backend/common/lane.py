"""The express lane: a read like one that was answered before is asked for without being dispatched anew.

The road, as the whole of middleware, addresses, REST framework and view is called here, finds out for each
request who asks, whether they may, what they ask and how the reply looks. For a read that the read engine
answers, all of it but the rows is equal for requests of one *kind*: same address but for keys in it, same
query, same role, same headers that decide it. So the first of a kind takes the road and leaves a `Recipe`:
what was asked (see `read_engine.engine`) and the headers of its reply. The next ones follow the recipe.

What is never taken from a recipe: whether the login is still good and may ask now (its generation and its
counters, one trip to Redis), who asks (the statement's scope), the rows, and what is masked. Whatever is
unusual about a request, or goes wrong with it, is left to the road. ADR 28 has the reasons.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, cast

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest, get_path_info, get_script_name
from django.core.signals import setting_changed
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.text import compress_string
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException
from rest_framework.settings import api_settings

from crm_backend.common.credentials import Recalled
from crm_backend.common.middleware import log_request, request_id_of
from crm_backend.common.read_engine.engine import Asking, Noted, Read, noted_of
from crm_backend.common.read_engine.errors import Undeclared
from crm_backend.common.read_engine.shapes import LIST, RETRIEVE, USER, Shapes, parent_shape
from crm_backend.common.read_engine.statements import MOST, Statement, Unusual, is_in_range
from crm_backend.common.recent import Recent
from crm_backend.common.renderers import ORJSONRenderer
from crm_backend.common.roundtrip import TRIP, Trip, trip_of
from crm_backend.common.throttling import Caller, RateLimit, windows_of
from crm_backend.common.viewsets import ChildMixin, ListMixin, RetrieveMixin, ScopedViewSet, etag_of

logger = structlog.get_logger(__name__)

Kind = tuple[Any, ...]

COMPRESSED = 200  # bytes; what is shorter Django does not compress
DIGITS = len(str(MOST))  # of the longest key that there is

# What decides a reply besides address, role and rows. Behind a proxy the middle ones decide its links.
DECIDING = (
    "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ORIGIN", "HTTP_HOST", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PROTO",
)  # fmt: skip
# Requests with these are for the road.
UNUSUAL = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE"}
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


@dataclass(frozen=True)
class Recipe:
    """How requests of one kind are answered.

    Attributes:
        read: what they ask.
        lookups: the names of the keys in the address, in order.
        untagged: what of a detail makes no new version of it; None where there is no ETag.
        view, actions: make the view, for serializers that ask for it or its request.
        throttles: the view's, which count a caller whatever is asked.
        parent: finds the row above, which the caller must see first.
        origin: what stands before the path in addresses.
        headers: those of every reply.
        vary: the headers that decide it.
    """

    read: Read
    lookups: tuple[str, ...]
    untagged: frozenset[str] | None
    view: Callable[[], Any]
    actions: Mapping[str, str]
    throttles: list[Any]
    parent: Statement | None
    origin: str
    headers: tuple[tuple[str, str], ...]
    vary: tuple[str, ...]


recipes: Recent[Recipe] = Recent(size=2000, seconds=lambda: 3600)
parents: Shapes[Statement] = Shapes()


def _forget(**_: Any) -> None:
    recipes.clear()


setting_changed.connect(_forget)


@dataclass(frozen=True)
class Reply:
    """A reply before anything has been made of it: 200, with these headers."""

    headers: list[tuple[str, str]]
    body: bytes
    user_id: int


class Asked:
    """A request, as far as the lane looks at it: always a GET.

    Args:
        meta: of the request: its WSGI environment or what Django makes of an ASGI scope.
        path: of its address, as routes see it.
        base: the scheme by which it came here, and what stands before the path.
        trip: its trip to Redis.
        request: makes Django's request, for serializers that ask for it.
    """

    method = "GET"

    def __init__(
        self,
        meta: Mapping[str, Any],
        path: str,
        base: tuple[str, str],
        trip: Trip,
        request: Callable[[], HttpRequest],
    ) -> None:
        self.meta, self.path, self.base, self.trip, self.request = meta, path, base, trip, request
        parts = path.split("/")
        keys = [part for part in parts if part.isdecimal() and part.isascii() and len(part) <= DIGITS]
        # No part of a path is None, whatever somebody writes there.
        self.address = tuple(None if part in keys else part for part in parts) if keys else tuple(parts)
        self.keys = [int(key) for key in keys]

    @property
    def full_path(self) -> str:
        """Path and query, as Django writes them into an address."""
        query = self.meta.get("QUERY_STRING", "")
        return f"{escape_uri_path(self.path)}?{iri_to_uri(query)}" if query else escape_uri_path(self.path)

    @staticmethod
    def is_usual(meta: Mapping[str, Any]) -> bool:
        """Whether there may be a recipe for it at all."""
        return meta["REQUEST_METHOD"] == "GET" and settings.READ_ENGINE and UNUSUAL.isdisjoint(meta)

    def kind(self, role: str) -> Kind:
        """What it has in common with others that one recipe serves."""
        return (self.address, role, *self.base, *map(self.meta.get, DECIDING))


def answer(asked: Asked) -> Reply | None:
    """The reply to a request by its recipe; None when the road has to give it."""
    login = recall(asked.meta.get("HTTP_AUTHORIZATION", ""))
    kept = None if login is None else recipes.find(asked.kind(login.role))
    if login is None or kept is None:
        return None
    recipe, trip = kept.value, asked.trip
    windows = windows_of(recipe.throttles, asked, Caller(login.user_id))
    kwargs = dict(zip(recipe.lookups, asked.keys, strict=True))
    values: dict[Any, Any] = {USER: login.user_id, "pk": asked.keys[-1] if asked.keys else None}
    values |= {("kwarg", name): key for name, key in kwargs.items()}
    context = _Later(partial(_context, recipe, asked, login, kwargs))
    try:
        trip.take(counters={one.name: one.seconds for one in windows}, generations=[login.name])
        if trip.generation(login.name) != login.generation or not all(map(is_in_range, asked.keys)):
            return None
        limits = [RateLimit.of(one, trip.counted[one.name]) for one in windows]
        if any(limit.is_over for limit in limits):
            return None
        if recipe.parent is not None and not recipe.parent.run(values):
            return None
        data = recipe.read.answer(Asking(values, trip, recipe.origin + asked.full_path, context))
        return None if data is None else _reply(asked, recipe, login, data, limits)
    except (RedisError, DatabaseError, Unusual, Undeclared, APIException):
        return None
    except Exception:
        # Our mistake, which the road makes as well, and words; if it does not, the log tells of it.
        logger.exception("lane.failed", path=asked.path)
        return None


def _reply(asked: Asked, recipe: Recipe, login: Recalled, data: Any, limits: list[RateLimit]) -> Reply:
    body = RENDERER.render(data)
    etag = ""
    if recipe.untagged is not None:
        shown = {name: value for name, value in data.items() if name not in recipe.untagged}
        etag = etag_of(shown if recipe.untagged else body)
    headers = list(recipe.headers)
    vary = recipe.vary
    if len(body) >= COMPRESSED:
        vary = ("Accept-Encoding", *vary)
        small = _compressed(asked.meta, body)
        if len(small) < len(body):
            body, etag = small, etag and f"W/{etag}"
            headers.append(("Content-Encoding", "gzip"))
    if etag:
        headers.append(("ETag", etag))
    if vary:
        headers.append(("Vary", ", ".join(vary)))
    if limits:
        headers += min(limits, key=lambda limit: limit.remaining).headers()
    headers.append(("Content-Length", str(len(body))))
    return Reply(headers, body, login.user_id)


def _compressed(meta: Mapping[str, Any], body: bytes) -> bytes:
    """The body as Django's middleware compresses it, if the caller takes that."""
    if not re_accepts_gzip.search(meta.get("HTTP_ACCEPT_ENCODING", "")):
        return body
    return compress_string(body, max_random_bytes=GZipMiddleware.max_random_bytes)


# --- the ways in --------------------------------------------------------------------------------------


class LaneMiddleware:
    """Answers what there is a recipe for; of the rest it learns."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.road = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if not Asked.is_usual(request.META):
            return self.road(request)
        base = (cast(Any, request)._get_scheme(), request.META["SCRIPT_NAME"])
        asked = Asked(request.META, request.path_info, base, trip_of(request), lambda: request)
        # Where the WSGI application below has looked for a recipe already there is none.
        reply = None if TRIP in request.META else answer(asked)
        if reply is not None:
            structlog.contextvars.bind_contextvars(user_id=reply.user_id)
            return HttpResponse(reply.body, headers=dict(reply.headers))
        response = self.road(request)
        noted = noted_of(request)
        if noted is not None and response.status_code == 200:
            learn(asked, noted, response)
        return response


class LaneApplication:
    """The lane before Django's WSGI application: not even a request is made of what it answers."""

    def __init__(self, road: Any) -> None:
        self.road = road

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Handle one request."""
        if not Asked.is_usual(environ):
            return self.road(environ, start_response)
        started = time.perf_counter()
        trip = environ[TRIP] = Trip()
        base = (environ["wsgi.url_scheme"], get_script_name(environ))
        asked = Asked(environ, get_path_info(environ), base, trip, partial(WSGIRequest, environ))
        close_old_connections()
        try:
            reply = answer(asked)
        finally:
            close_old_connections()
        if reply is None:
            return self.road(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        start_response("200 OK", [*reply.headers, ("X-Request-ID", request_id)])
        log_request("GET", asked.path, 200, started, request_id=request_id, user_id=reply.user_id)
        return [reply.body]


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


class _Later(Mapping[str, Any]):
    """A serializer context that is made when something in it is asked for, which is seldom."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Any]:
        return self._make()

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _context(recipe: Recipe, asked: Asked, login: Recalled, kwargs: dict[str, Any]) -> Any:
    view = recipe.view()
    view.action_map, view.args, view.kwargs, view.format_kwarg = recipe.actions, (), kwargs, None
    view.request = view.initialize_request(asked.request())
    view.request.user, view.request.auth = login.fresh()
    view.request.accepted_renderer, view.request.accepted_media_type = RENDERER, RENDERER.media_type
    return view.get_serializer_context()


# --- learning ---------------------------------------------------------------------------------------


def learn(asked: Asked, noted: Noted, response: HttpResponse) -> None:
    """Keep a recipe, if another request of this kind would go the same way."""
    view = noted.view
    view_class: Any = type(view)
    initial = view.request.resolver_match.func.initkwargs
    is_other = response.cookies or list(view.kwargs.values()) != asked.keys
    if is_other or not is_base(view_class, view.action) or not _is_known(view):
        return
    if not initial.keys().isdisjoint(BASE):
        # What `@action` was told is the action's own way.
        return
    address = view.request.build_absolute_uri()
    if not address.endswith(asked.full_path):
        return
    parent = None
    if isinstance(view, ChildMixin):
        parent = parents.get((view_class, noted.role), partial(parent_shape, view))
        if parent is None:
            return
    named = {name.lower(): value for name, value in response.headers.items()}
    vary = (name.strip() for name in named.get("vary", "").split(","))
    recipe = Recipe(
        noted.read,
        tuple(view.kwargs),
        view.untagged if view.action == RETRIEVE else None,
        partial(view_class, **initial),
        view.action_map,
        view.get_throttles(),
        parent,
        address.removesuffix(asked.full_path),
        tuple((name, value) for name, value in response.headers.items() if name.lower() not in OWN),
        tuple(name for name in vary if name and name.lower() != "accept-encoding"),
    )
    recipes.keep(asked.kind(noted.role), recipe, "")


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


def _is_known(view: Any) -> bool:
    """Whether the caller came with a login that can be recalled: a program's key is for the road."""
    return hasattr(view.request.auth, "session") and all(
        getattr(throttle, "by_caller", False) for throttle in view.get_throttles()
    )
