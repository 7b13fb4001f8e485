"""Sees every request that Django's handler answers in this process, whoever sent it."""

import base64
import binascii
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.plugins.route_table import COUNTED, METHODS, WRITES, Case, folded, template

# (method, path template, case or status) → how often.
Seen = Counter[tuple[str, str, str]]


class Recorder:
    """Wraps the handler's `get_response` and its asynchronous twin, the way in for every client."""

    def __init__(self) -> None:
        self.seen: Seen = Counter()
        self._restore: list[Callable[[], None]] = []

    def install(self) -> None:
        """Start watching."""
        from asgiref.sync import sync_to_async
        from django.core.handlers.base import BaseHandler

        answer, answer_async = BaseHandler.get_response, BaseHandler.get_response_async

        def get_response(handler: Any, request: Any) -> Any:
            response = answer(handler, request)
            self.record(request, response)
            return response

        async def get_response_async(handler: Any, request: Any) -> Any:
            response = await answer_async(handler, request)
            await sync_to_async(self.record, thread_sensitive=True)(request, response)
            return response

        setattr(BaseHandler, "get_response", get_response)  # noqa: B010 - its type is not ours
        setattr(BaseHandler, "get_response_async", get_response_async)  # noqa: B010
        self._restore = [
            lambda: setattr(BaseHandler, "get_response", answer),
            lambda: setattr(BaseHandler, "get_response_async", answer_async),
        ]

    def remove(self) -> None:
        """Stop watching."""
        while self._restore:
            self._restore.pop()()

    def record(self, request: Any, response: Any) -> None:
        """Count one reply."""
        match = getattr(request, "resolver_match", None)
        if match is None:
            return
        path = folded(template(match.route))
        method = "GET" if request.method == "HEAD" else request.method
        self.seen[method, path, str(response.status_code)] += 1
        if case := case_of(request, response, match):
            self.seen[method, path, case] += 1


def case_of(request: Any, response: Any, match: Any) -> Case | None:
    """Which case a reply belongs to; None for those that the table does not ask for."""
    match response.status_code:
        case status if 200 <= status < 400:
            return Case.SUCCESS if request.method in METHODS else None
        case 401:
            header = request.META.get("HTTP_AUTHORIZATION", "")
            if not header:
                return Case.NO_TOKEN
            return Case.EXPIRED_TOKEN if _expired(header) else None
        case 403:
            return Case.WRONG_ROLE
        case 404:
            return Case.WRONG_ROLE if _exists(match) else Case.MISSING_OBJECT
        case 400:
            return Case.INVALID_INPUT if request.method in WRITES else None
        case 405:
            return Case.WRONG_METHOD if response.headers.get("Allow") else None
    return None


def _expired(header: str) -> bool:
    """Whether this is a whole JWT whose time has passed; its signature is not looked at."""
    try:
        payload = header.partition(" ")[2].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return bool(claims["exp"] <= time.time())
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return False


def _exists(match: Any) -> bool:
    """Whether every row in the address is there, so that the caller was only not let to see it."""
    from django.apps import apps
    from django.db import DatabaseError, connection

    view = getattr(match.func, "cls", None)
    own = getattr(getattr(view, "queryset", None), "model", None)
    named = {model._meta.model_name: model for model in apps.get_models()}
    wanted = [
        (own if name == "pk" else named.get(name.removesuffix("_id")), value)
        for name, value in match.kwargs.items()
        if name not in COUNTED
    ]
    if not wanted or any(model is None for model, _ in wanted):
        return False
    # This look must not show in the query counts that tests make.
    counting, connection.force_debug_cursor = connection.force_debug_cursor, False
    try:
        return all(model._base_manager.filter(pk=value).exists() for model, value in wanted if model)
    except (DatabaseError, OverflowError):
        return False
    finally:
        connection.force_debug_cursor = counting
