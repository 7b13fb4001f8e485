"""Lean middlewares of our own: the request's context, the API version, and what is not packed."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

logger = structlog.get_logger("crm.request")
_filter = logging.getLogger("crm.request")

GetResponse = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{8,128}")


def request_id_of(given: str) -> str:
    """The caller's own id when it is harmless, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def log_request(method: str, path: str, status: int, started: float, **further: Any) -> None:
    """Log a request once; the path alone, as a query string may carry names, addresses or a token."""
    if not _filter.isEnabledFor(logging.INFO):
        return  # before a line is made of it
    duration = round((time.perf_counter() - started) * 1000, 1)
    logger.info("request", method=method, path=path, status=status, duration_ms=duration, **further)


class RequestContextMiddleware:
    """Give every request an id, bind it to every log line, return it, and log the request once.

    A caller's own `X-Request-ID` is kept when it is harmless (8 to 128 URL-safe characters), so
    that one id follows a request through several services.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        request_id = request_id_of(request.headers.get("X-Request-ID", ""))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            return self._logged(request, request_id)
        finally:
            # What runs next in this context (a test, a task run in place) is not of this request.
            structlog.contextvars.clear_contextvars()

    def _logged(self, request: HttpRequest, request_id: str) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        log_request(str(request.method), request.path, response.status_code, started)
        return response


def unversioned(path: str) -> str:
    """The path of a route, which the present version of the API has without it."""
    prefix = f"/api/v{settings.API_VERSION}/"
    return "/api/" + path.removeprefix(prefix) if path.startswith(prefix) else path


class ApiVersionMiddleware:
    """Serve `/api/v1/…` as `/api/…`: the same routes by construction, not a second set of them.

    `request.path` stays as it was asked for, so links in a reply keep the caller's prefix.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        request.path_info = unversioned(request.path_info)
        response = self.get_response(request)
        if request.path_info.startswith("/api/"):
            response["X-API-Version"] = settings.API_VERSION
        return response


class PackingMiddleware(GZipMiddleware):
    """Pack replies, except those that say that they go `as_is`: stored files and streams of events."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Pack it, or leave it."""
        is_packed = not getattr(response, "as_is", False)
        return super().process_response(request, response) if is_packed else response
