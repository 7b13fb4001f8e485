"""The one exception handler, and the one error shape of RFC 9457.

`{type, title, status, detail, code, errors, request_id}` with the media type
`application/problem+json`, for domain errors, for the framework's own, and for Django's 400, 403,
404 and 500 pages under `/api/`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg import errors as pg
from redis.exceptions import RedisError
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from crm_backend.common.errors import Conflict, DomainError, TooManyAttempts, Unavailable

logger = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="api"'

# code → (status, title) of the errors that frameworks raise; domain errors carry their own.
FRAMEWORK_PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid": (400, "Invalid input"),
    "malformed": (400, "Malformed request"),
    "not_authenticated": (401, "Login required"),
    "token_not_valid": (401, "Token not valid"),
    "invalid_credentials": (401, "Wrong e-mail or password"),
    "permission_denied": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "Not acceptable"),
    "too_large": (413, "Request too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "throttled": (429, "Too many requests"),
    "internal": (500, "Internal error"),
}
_RENAMED = {"parse_error": "malformed", "authentication_failed": "token_not_valid"}


def problem(
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an error document; the request id comes from the logging context."""
    return {
        "type": f"urn:crm:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": dict(errors or {}),
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **(extra or {}),
    }


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn an exception raised in a view into the error shape; None lets Django answer 500."""
    headers: dict[str, str] = {}
    match exc:
        case DomainError():
            body = _domain_problem(exc, headers)
        case drf.ValidationError():
            body = _framework_problem("invalid", "The request is not valid.", _field_errors(exc.detail))
        case drf.APIException():
            body = _api_exception(exc, headers)
        case _:
            found = _django_problem(exc)
            if found is None:
                return None
            body = found
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_JSON)


def _domain_problem(exc: DomainError, headers: dict[str, str]) -> dict[str, Any]:
    if isinstance(exc, TooManyAttempts):
        headers["Retry-After"] = str(exc.retry_after)
    if exc.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    return problem(
        status=exc.status,
        code=exc.code,
        title=exc.title,
        detail=exc.detail,
        errors=exc.errors,
        extra=exc.extra,
    )


def _django_problem(exc: Exception) -> dict[str, Any] | None:
    match exc:
        case Http404():
            return _framework_problem("not_found", "Not found.")
        case PermissionDenied():
            return _framework_problem("permission_denied", "You do not have permission to do this.")
        case RequestDataTooBig():
            return _framework_problem("too_large", "The request body is larger than this API accepts.")
        case ProtectedError() | RestrictedError():
            return _conflict("Other records refer to this one, so it has to stay.")
        case IntegrityError() | OperationalError():
            detail = _database_conflict(exc)
            if detail is not None:
                return _conflict(detail)
            return _outage(exc) if isinstance(exc, OperationalError) else None
        case RedisError():
            return _outage(exc)
    return None


def _outage(exc: Exception) -> dict[str, Any]:
    logger.error("request.outage", error=type(exc).__name__, exc_info=exc)
    return problem(
        status=Unavailable.status,
        code=Unavailable.code,
        title=Unavailable.title,
        detail=Unavailable.default_detail,
    )


def _conflict(detail: str) -> dict[str, Any]:
    return problem(status=Conflict.status, code=Conflict.code, title=Conflict.title, detail=detail)


def _framework_problem(code: str, detail: str, errors: Mapping[str, Any] | None = None) -> dict[str, Any]:
    status, title = FRAMEWORK_PROBLEMS[code]
    return problem(status=status, code=code, title=title, detail=detail, errors=errors)


def _api_exception(exc: drf.APIException, headers: dict[str, str]) -> dict[str, Any]:
    """Errors of DRF and SimpleJWT; the latter wrap their words in a dict with a `code`."""
    detail: Any = exc.detail
    code = str(exc.get_codes()) if not isinstance(detail, dict | list) else exc.default_code
    if isinstance(detail, dict):
        code, detail = str(detail.get("code", code)), detail.get("detail", exc.default_detail)
    if isinstance(detail, list):
        detail = detail[0] if detail else exc.default_detail
    code = _RENAMED.get(code, code)
    if authenticate := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    if code not in FRAMEWORK_PROBLEMS or FRAMEWORK_PROBLEMS[code][0] != exc.status_code:
        title = HTTPStatus(exc.status_code).phrase
        return problem(status=exc.status_code, code=code, title=title, detail=str(detail))
    return _framework_problem(code, str(detail))


def _field_errors(detail: Any) -> dict[str, Any]:
    """Nest like the request body; the items of a list are keyed by their position."""
    if isinstance(detail, dict):
        return {str(key): _nested(value) for key, value in detail.items()}
    nested = _nested(detail)
    return nested if isinstance(nested, dict) else {"non_field_errors": nested}


def _nested(detail: Any) -> Any:
    if isinstance(detail, dict):
        return {str(key): _nested(value) for key, value in detail.items()}
    if isinstance(detail, list):
        if any(isinstance(item, dict) for item in detail):
            return {str(index): _nested(item) for index, item in enumerate(detail) if item}
        return [str(item) for item in detail]
    return [str(detail)]


def _database_conflict(exc: Exception) -> str | None:
    """Races that only the database could see are conflicts; anything else is a defect, a 500."""
    match exc.__cause__:
        case pg.UniqueViolation() | pg.ExclusionViolation():
            return "Another request has just written the same thing."
        case pg.ForeignKeyViolation() | pg.RestrictViolation():
            return "Other records still refer to this one, or one that it refers to has just gone."
        case pg.DeadlockDetected() | pg.SerializationFailure() | pg.LockNotAvailable():
            return "Another request is changing the same records. Repeat yours."
    return None


# --- Django's own pages ------------------------------------------------------------------------


def _page(request: HttpRequest, code: str, detail: str) -> HttpResponse:
    body = _framework_problem(code, detail)
    if request.path.startswith(("/api/", "/health/")):
        return HttpResponse(orjson.dumps(body), status=body["status"], content_type=PROBLEM_JSON)
    return HttpResponse(f"{body['status']} {body['title']}", status=body["status"], content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: a suspicious or oversized request, refused before a view saw it."""
    if isinstance(exception, RequestDataTooBig):
        return _page(request, "too_large", "The request body is larger than this API accepts.")
    return _page(request, "malformed", "The request is malformed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return _page(request, "permission_denied", "You do not have permission to do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`: no route matches."""
    return _page(request, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a defect. The log has the trace under the same request id; the reply does not."""
    return _page(request, "internal", "Something went wrong on our side. Quote the request id.")
