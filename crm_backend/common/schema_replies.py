"""What replies of the OpenAPI document have in common: the error shape, headers, preconditions.

Views say which domain errors their actions raise by `@refuses`; everything else follows from the view.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from crm_backend.common.errors import DomainError, error_classes
from crm_backend.common.exceptions import FRAMEWORK_PROBLEMS, PROBLEM_JSON
from crm_backend.common.idempotency import BARE, QUOTED

Document = dict[str, Any]
Action = TypeVar("Action", bound=Callable[..., Any])

PROBLEM_SCHEMA: Document = {
    "type": "object",
    "description": "The one error shape, RFC 9457.",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "`urn:crm:problem:` and the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for people."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "errors": {
            "type": "object",
            "description": "Messages by field, nested like the request body.",
            "additionalProperties": True,
        },
        "request_id": {"type": "string"},
    },
    "additionalProperties": True,
}


HEADERS: Document = {
    "X-Request-ID": {
        "description": "The id of this request in every log line: the caller's own, or one made here.",
        "schema": {"type": "string"},
    },
    "RateLimit-Limit": {
        "description": "Requests in each window, of the limit that is nearest.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "Requests left in this window.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Reset": {
        "description": "Seconds until the next window.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {
        "description": "Seconds to wait before repeating the request.",
        "schema": {"type": "integer"},
    },
    "ETag": {
        "description": "The version of this representation, for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string"},
        "example": '"9f0c2d6be1d04c0f8a4f5a0d6a3a7e21"',
    },
    "Location": {
        "description": "The address of the new resource.",
        "schema": {"type": "string", "format": "uri"},
    },
    "Idempotency-Replayed": {
        "description": "`true` on a reply that was kept from an earlier request with the same key.",
        "required": False,
        "schema": {"const": "true"},
    },
    "WWW-Authenticate": {
        "description": "How to log in.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="api"',
    },
}
IDEMPOTENCY_KEY: Document = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Makes it safe to send this again: a request with the same key and body is answered "
    "as the first was, and done once. Visible ASCII, such as a UUID. Replies are kept for a day, unless the "
    "installation says otherwise.",
    "schema": {"type": "string", "pattern": f"^(?:{BARE}|{QUOTED})$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
RATE_LIMIT = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
PARAMETERS: Document = {
    "IfMatch": {
        "in": "header",
        "name": "If-Match",
        "description": "The `ETag` of the version that the caller read; 412 when there is a newer one.",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": IDEMPOTENCY_KEY,
    "IdempotencyKeyRequired": {**IDEMPOTENCY_KEY, "required": True},
    "IfNoneMatch": {
        "in": "header",
        "name": "If-None-Match",
        "description": "The `ETag` of the version that the caller has; 304 when it is the current one.",
        "schema": {"type": "string"},
    },
}
_HEADERS_BY_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After", *RATE_LIMIT)}


def refuses(*errors: type[DomainError]) -> Callable[[Action], Action]:
    """Document the domain errors that a view's method answers with, beyond what its kind always can."""

    def mark(action: Action) -> Action:
        action.refuses = errors  # type: ignore[attr-defined]
        return action

    return mark


def sends_file(action: Action) -> Action:
    """Document that a view's method replies with a file, tagged: 304 to who has it."""
    action.sends_file = True  # type: ignore[attr-defined]
    return action


def headers(*names: str) -> Document:
    """References to headers that are described once."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_replies(codes: Iterable[str]) -> Document:
    """By status, the reply with the errors of these codes."""
    known = _known()
    by_status: dict[int, list[str]] = {}
    for code in sorted(dict.fromkeys(codes), key=list(known).index):
        by_status.setdefault(known[code][0], []).append(code)
    return {str(status): _reply(status, codes, known) for status, codes in sorted(by_status.items())}


def _known() -> dict[str, tuple[int, str, str]]:
    """Status, title and detail of every code, those of frameworks first."""
    found = {code: (status, title, title) for code, (status, title) in FRAMEWORK_PROBLEMS.items()}
    domain = {cls.code: (cls.status, cls.title, cls.default_detail) for cls in error_classes()}
    return {**found, **domain}


def _reply(status: int, codes: list[str], known: dict[str, tuple[int, str, str]]) -> Document:
    titles = [known[code][1] for code in codes]
    first, *others = [titles[0], *[title[0].lower() + title[1:] for title in titles[1:]]]
    examples = {code: {"value": _example(status, code, *known[code][1:])} for code in codes}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": f"{', or '.join([first, *others])}.",
        "headers": headers("X-Request-ID", *_HEADERS_BY_STATUS.get(status, ())),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def _example(status: int, code: str, title: str, detail: str) -> Document:
    return {
        "type": f"urn:crm:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail if detail.endswith(".") else f"{detail}.",
        "code": code,
        "errors": {"loan_amount": ["A valid number is required."]} if code == "invalid" else {},
        "request_id": "3f0b6c1e9a7d4e52b8c6d1f2a3b4c5d6",
    }


def share_replies(result: Document, **_: Any) -> Document:
    """Describe the error replies, headers and preconditions once, and refer to them."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    shared: Document = {}
    for item in result["paths"].values():
        for operation in item.values():
            for status, reply in operation["responses"].items():
                problem = reply.get("content", {}).get(PROBLEM_JSON)
                if problem:
                    name = "Or".join(code.title().replace("_", "") for code in problem["examples"])
                    shared[name] = reply
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    components["responses"] = dict(sorted(shared.items()))
    components["headers"] = HEADERS
    components["parameters"] = PARAMETERS
    return result
