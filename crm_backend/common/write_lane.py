"""The express lane for writes: an action that answered before is called without the dispatch around it.

As for reads (see `lane`), the first request of a kind takes the road and leaves a recipe: the view, what
counts its callers, and the headers that middleware puts on its reply. The next ones recall the login, count,
and call the action itself, with a request of its own: what is written, and whether it may be, is decided
there and nowhere else. Only actions that say so, by `express`, are called this way.

A refusal has no words here. All that the action does is one transaction, which is undone by whatever it
raises; then the road does it again, and says what is wrong. ADR 48 has the reasons.
"""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from http.client import responses
from typing import Any, TypeVar, cast

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest, get_path_info, get_script_name
from django.core.signals import setting_changed
from django.db import DatabaseError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.response import Response

from crm_backend.common.lane_frame import (
    RENDERER,
    Asked,
    Frame,
    Reply,
    frame_of,
    look_after_connection,
    recall,
)
from crm_backend.common.middleware import GetResponse, log_request, request_id_of
from crm_backend.common.recent import Recent
from crm_backend.common.roundtrip import TRIP, Trip, trip_of
from crm_backend.common.transactions import whole
from crm_backend.common.viewsets import ChildMixin, ScopedViewSet

WRITING = {"POST", "PUT", "PATCH", "DELETE"}
LARGEST = 64 * 1024  # bytes; larger bodies are for the road

Action = TypeVar("Action", bound=Callable[..., Any])


def express(action: Action) -> Action:
    """Let requests like one that this action answered be answered without a dispatch.

    For an action that has no effect but in the database, in `of_request()`, and on its commit.
    """

    @wraps(action)
    def noted(view: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = action(view, request, *args, **kwargs)
        request._request.__dict__["wrote"] = _Wrote(view, frozenset(map(str.lower, response.headers)))
        return response

    noted.is_express = True  # type: ignore[attr-defined]
    return noted  # type: ignore[return-value]


@dataclass(frozen=True)
class _Wrote:
    """The view that answered, and the names of the headers that are its own."""

    view: Any
    headers: frozenset[str]


@dataclass(frozen=True)
class Recipe:
    """How requests of one kind are answered.

    Attributes:
        frame: who may ask, what makes the view, and what every reply has.
        action: the view's method.
        status: of every reply; another is for the road.
    """

    frame: Frame
    action: str
    status: int


recipes: Recent[Recipe] = Recent(size=1000, seconds=lambda: 3600)


def _forget(**_: Any) -> None:
    recipes.clear()


setting_changed.connect(_forget)


def is_usual(meta: Mapping[str, Any]) -> bool:
    """Whether there may be a recipe for a request at all: it writes, and has little JSON or no body."""
    if meta["REQUEST_METHOD"] not in WRITING or not settings.READ_ENGINE:
        return False
    length = meta.get("CONTENT_LENGTH")
    kind = meta.get("CONTENT_TYPE", "").partition(";")[0].strip()
    if not length:
        # A body of unknown length is the road's to take in.
        return not kind and "HTTP_TRANSFER_ENCODING" not in meta
    is_small = len(length) <= len(str(LARGEST)) and length.isdecimal() and int(length) <= LARGEST
    return is_small and (kind == RENDERER.media_type or length == "0")


class _ForTheRoad(Exception):
    """What the action gave is not what its recipe knows."""


def answer(asked: Asked) -> Reply | None:
    """The reply to a request by its recipe; None when nothing was written and the road has to see to it."""
    login = recall(asked.meta.get("HTTP_AUTHORIZATION", ""))
    kept = None if login is None else recipes.find(asked.kind(login.role))
    if login is None or kept is None:
        return None
    recipe = kept.value
    try:
        limits = recipe.frame.admitted(asked, login)
    except RedisError:
        return None
    if limits is None:
        return None
    with structlog.contextvars.bound_contextvars(user_id=login.user_id):
        response = _response(recipe, recipe.frame.view_of(asked, login))
    if response is None:
        return None
    own = {name: value for name, value in response.headers.items() if name != "Content-Type"}
    if response.content_type is not None:
        own["Content-Type"] = response.content_type
    body = RENDERER.render(response.data)
    return recipe.frame.reply(asked, login, limits, body, own, response.status_code)


def _response(recipe: Recipe, view: Any) -> Response | None:
    """What the action replies; None when it refused, and so wrote nothing."""
    is_undone = False
    try:
        with whole():
            try:
                response: Response = getattr(view, recipe.action)(view.request, **view.kwargs)
                is_known = isinstance(response, Response) and response.status_code == recipe.status
                if not is_known or transaction.get_rollback():
                    raise _ForTheRoad
            except Exception:
                is_undone = True
                raise
    except Exception as error:  # noqa: BLE001 - the view has words for it
        is_refused = isinstance(error, DatabaseError) and not isinstance(error, OperationalError)
        if is_undone or is_refused:
            # The latter by what the database checks last. The road makes the same mistake, and words.
            return None
        # Nobody knows whether it was committed, so it must not be done again; the road would say the same.
        response = view.handle_exception(error)
    return response


# --- the ways in --------------------------------------------------------------------------------------


class WriteLaneMiddleware:
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
        if TRIP not in request.META:
            if request.META.get("CONTENT_LENGTH"):
                request.body  # noqa: B018 - kept, so that the road can read it as well
            reply = answer(asked)
            if reply is not None:
                structlog.contextvars.bind_contextvars(user_id=reply.user_id)
                return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
        response = self.road(request)
        wrote: _Wrote | None = request.__dict__.get("wrote")
        if wrote is not None and 200 <= response.status_code < 300:
            learn(asked, wrote, response)
        return response


class WriteLaneApplication:
    """The lane before Django's WSGI application: a request is made for the action alone."""

    def __init__(self, road: Any) -> None:
        self.road = road

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Handle one request."""
        if not is_usual(environ):
            return self.road(environ, start_response)
        started = time.perf_counter()
        trip = environ[TRIP] = Trip(writes=True)
        base = (environ["wsgi.url_scheme"], get_script_name(environ))
        body = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        environ["wsgi.input"] = body
        asked = Asked(environ, get_path_info(environ), base, trip, partial(WSGIRequest, environ))
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        look_after_connection(is_before=True)
        try:
            # Events and log lines are of this request.
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                reply = answer(asked)
        finally:
            look_after_connection()
        if reply is None:
            body.seek(0)
            return self.road(environ, start_response)
        status = f"{reply.status} {responses[reply.status]}"
        start_response(status, [*reply.headers, ("X-Request-ID", request_id)])
        log_request(
            asked.method, asked.path, reply.status, started, request_id=request_id, user_id=reply.user_id
        )
        return [reply.body]


# --- learning ---------------------------------------------------------------------------------------


def learn(asked: Asked, wrote: _Wrote, response: HttpResponse) -> None:
    """Keep a recipe, if another request of this kind would go the same way."""
    view = wrote.view
    is_express = getattr(getattr(type(view), view.action), "is_express", False)
    if not is_express or isinstance(view, ChildMixin) or not isinstance(view, ScopedViewSet):
        return
    frame = frame_of(asked, view, response, wrote.headers - {"content-type"})
    if frame is not None:
        recipe = Recipe(frame, view.action, response.status_code)
        recipes.keep(asked.kind(view.caller.role), recipe, "")
