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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, cast

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import setting_changed
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException

from crm_backend.common.credentials import Recalled
from crm_backend.common.lane_frame import (
    RENDERER,
    Asked,
    Frame,
    Reply,
    frame_of,
    look_after_connection,
    place_of,
    recall,
)
from crm_backend.common.middleware import GetResponse, log_request, request_id_of
from crm_backend.common.read_engine.engine import Asking, Noted, Read, noted_of
from crm_backend.common.read_engine.errors import Undeclared
from crm_backend.common.read_engine.shapes import RETRIEVE, USER, Shapes, parent_shape
from crm_backend.common.read_engine.statements import Statement, Unusual
from crm_backend.common.recent import Recent
from crm_backend.common.roundtrip import TRIP, Trip, trip_of
from crm_backend.common.viewsets import ChildMixin, etag_of

logger = structlog.get_logger(__name__)

# Requests with these are for the road.
UNUSUAL = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE")


@dataclass(frozen=True)
class Recipe:
    """How requests of one kind are answered.

    Attributes:
        frame: who may ask, and what every reply has.
        read: what they ask.
        untagged: what of a detail makes no new version of it; None where there is no ETag.
        parent: finds the row above, which the caller must see first.
        origin: what stands before the path in addresses.
    """

    frame: Frame
    read: Read
    untagged: frozenset[str] | None
    parent: Statement | None
    origin: str


recipes: Recent[Recipe] = Recent(size=2000, seconds=lambda: 3600)
parents: Shapes[Statement] = Shapes()


def _forget(**_: Any) -> None:
    recipes.clear()


setting_changed.connect(_forget)


def is_usual(meta: Mapping[str, Any]) -> bool:
    """Whether there may be a recipe for a request at all."""
    if meta["REQUEST_METHOD"] != "GET" or any(name in meta for name in UNUSUAL):
        return False
    return bool(settings.READ_ENGINE)


def answer(asked: Asked) -> Reply | None:
    """The reply to a request by its recipe; None when the road has to give it."""
    login = recall(asked.meta.get("HTTP_AUTHORIZATION", ""))
    kept = None if login is None else recipes.find(asked.kind(login.role))
    if login is None or kept is None:
        return None
    recipe = kept.value
    values: dict[Any, Any] = {USER: login.user_id, "pk": asked.keys[-1] if asked.keys else None}
    values |= {("kwarg", name): key for name, key in recipe.frame.kwargs(asked).items()}
    context = _Context(recipe.frame, asked, login)
    try:
        limits = recipe.frame.admitted(asked, login)
        if limits is None or (recipe.parent is not None and not recipe.parent.run(values)):
            return None
        data = recipe.read.answer(Asking(values, asked.trip, recipe.origin + asked.full_path, context))
        if data is None:
            return None
        body = RENDERER.render(data)
        return recipe.frame.reply(asked, login, limits, body, _tagged(recipe.untagged, data, body))
    except (RedisError, DatabaseError, Unusual, Undeclared, APIException):
        return None
    except Exception:
        # Our mistake, which the road makes as well, and words; if it does not, the log tells of it.
        logger.exception("lane.failed", path=asked.path)
        return None


def _tagged(untagged: frozenset[str] | None, data: Any, body: bytes) -> dict[str, str]:
    """The header with the version of a detail."""
    if untagged is None:
        return {}
    shown = {name: value for name, value in data.items() if name not in untagged}
    return {"ETag": etag_of(shown if untagged else body)}


# --- the ways in --------------------------------------------------------------------------------------


class LaneMiddleware:
    """Answers what there is a recipe for; of the rest it learns."""

    def __init__(self, get_response: GetResponse) -> None:
        self.road = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if not is_usual(request.META):
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
        if not is_usual(environ):
            return self.road(environ, start_response)
        started = time.perf_counter()
        trip = environ[TRIP] = Trip()
        path, before = place_of(environ)
        base = (environ["wsgi.url_scheme"], before)
        asked = Asked(environ, path, base, trip, partial(WSGIRequest, environ))
        own = look_after_connection(is_before=True)
        try:
            reply = answer(asked)
        finally:
            look_after_connection(own)
        if reply is None:
            return self.road(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        start_response("200 OK", [*reply.headers, ("X-Request-ID", request_id)])
        log_request("GET", asked.path, 200, started, request_id=request_id, user_id=reply.user_id)
        return [reply.body]


class _Request:
    """The request that serializers see: who asks. The rest of it is made when something else is asked for."""

    def __init__(self, context: "_Context") -> None:
        self._context = context

    @cached_property
    def user(self) -> Any:
        """The caller, of the request's own."""
        return self._context.login.user()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context.view.request, name)


class _Context(Mapping[str, Any]):
    """A serializer context whose view is made when something of it is asked for, which is seldom."""

    def __init__(self, frame: Frame, asked: Asked, login: Recalled) -> None:
        self.frame, self.asked, self.login = frame, asked, login

    @cached_property
    def request(self) -> _Request:
        """What stands for the request."""
        return _Request(self)

    @cached_property
    def view(self) -> Any:
        """The view as the road would have it."""
        return self.frame.view_of(self.asked, self.login)

    @cached_property
    def _whole(self) -> Mapping[str, Any]:
        made: Mapping[str, Any] = self.view.get_serializer_context()
        return made

    def __getitem__(self, name: str) -> Any:
        return self.request if name == "request" else self._whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


# --- learning ---------------------------------------------------------------------------------------


def learn(asked: Asked, noted: Noted, response: HttpResponse) -> None:
    """Keep a recipe, if another request of this kind would go the same way."""
    view = noted.view
    frame, address = frame_of(asked, view, response), view.request.build_absolute_uri()
    if frame is None or not address.endswith(asked.full_path):
        return
    parent = None
    if isinstance(view, ChildMixin):
        parent = parents.get((type(view), noted.role), partial(parent_shape, view))
        if parent is None:
            return
    untagged = view.untagged if view.action == RETRIEVE else None
    recipe = Recipe(frame, noted.read, untagged, parent, address.removesuffix(asked.full_path))
    recipes.keep(asked.kind(noted.role), recipe, "")
