"""The OpenAPI document: summaries from docstrings, the error shape everywhere, an example for all."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema

from crm_backend.common.exceptions import FRAMEWORK_PROBLEMS, PROBLEM_JSON

Document = dict[str, Any]
Endpoint = tuple[str, str, str, Callable[..., Any]]

_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")
MAX_DEPTH = 6
_VERBS = {
    "list": "List",
    "retrieve": "Read",
    "create": "Create",
    "update": "Replace",
    "partial_update": "Change",
    "destroy": "Delete",
}
_METHODS = ("get", "post", "put", "patch", "delete")
_ALIASES = ("/api/auth/", "/api/users/auth/profile/")

# What a realistic value of a property looks like, by its name; the type decides where none is given.
EXAMPLES: dict[str, Any] = {
    "first_name": "Mia",
    "last_name": "Chen",
    "name": "Mia Chen",
    "display_name": "Mia Chen",
    "email": "mia.chen@example.com",
    "phone": "+61412345678",
    "password": "correct horse battery staple",
    "current_password": "correct horse battery staple",
    "new_password": "paper lantern over the harbour",
    "timezone": "Australia/Sydney",
    "access": "eyJhbGciOiJIUzI1NiIs…",
    "refresh": "eyJhbGciOiJIUzI1NiIs…",
    "token": "eyJhbGciOiJIUzI1NiIs…",
    "street": "12 Harbour Street",
    "city": "Sydney",
    "postcode": "2000",
    "country": "AU",
    "abn": "51824753556",
    "acn": "004085616",
    "company_name": "Chen Holdings Pty Ltd",
    "reference_number": "APP-7K2M9QX4",
    "purpose": "Purchase of an owner-occupied house",
    "loan_term": 360,
    "interest_rate": "6.2500",
    "loan_to_value_ratio": "75.00",
    "reason": "The valuation came in early",
    "application_id": 4711,
    "type": "application.stage_changed",
    "summary": "Stage changed from Inquiry to Sent to lender.",
    "title": "APP-7K2M9QX4: Sent to lender",
    "body": "APP-7K2M9QX4 moved from Inquiry to Sent to lender.",
    "text": "Spoke with the borrower; payslips come on Monday.",
    "branch_name": "Sydney",
    "broker_name": "Olivia Nguyen",
    "bd_name": "Jack Wilson",
    "code": "SYD",
    "message": "Logged in.",
    "detail": "What happened, in one sentence.",
}

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


class Schema(AutoSchema):
    """drf-spectacular's schema with our summaries and tags."""

    def get_operation_id(self) -> str:
        """`application_list`, `notification_mark_read`, `login_post`: by resource and action."""
        action = getattr(self.view, "action", None)
        basename = getattr(self.view, "basename", None)
        if action and basename:
            return f"{basename}_{action}".replace("-", "_")
        name = type(self.view).__name__.removesuffix("ViewSet").removesuffix("View")
        words = _WORD_START.sub("_", name).lower()
        return f"{words}_{self.method.lower()}"

    def get_summary(self) -> str:
        """First line of the action's docstring."""
        return self._docstring()[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """The rest of the docstring."""
        return "\n".join(self._docstring()[1:]).strip().split("\nRaises:")[0].strip()

    def get_tags(self) -> list[str]:
        """The first segments of the path name the area; `users/auth` is one of its own."""
        root, *parts = [part for part in self.path.split("/") if part and "{" not in part]
        if root != "api":
            return [root]
        return ["auth"] if "auth" in parts[:2] else parts[:1] or ["index"]

    def _docstring(self) -> list[str]:
        action = getattr(self.view, "action", None) or self.method.lower()
        method = getattr(self.view, action, None)
        doc = (getattr(method, "__doc__", None) or "").strip()
        lines = [line.strip() for line in doc.splitlines()]
        verb = _VERBS.get(action)
        if verb and hasattr(self.view, "policy"):
            noun = str(getattr(self.view, "basename", "") or "").replace("-", " ")
            article = "an" if noun[:1] in "aeiou" and not noun.startswith("user") else "a"
            what = self.view.policy.resource.replace("-", " ") if verb == "List" else f"{article} {noun}"
            return [f"{verb} {what}", "", *lines]
        return lines or [""]


def drop_aliases(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """Leave second addresses of the same views out: the document names each operation once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith(_ALIASES)]


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every (path, method, operation)."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def add_errors(result: Document, **_: Any) -> Document:
    """Give every operation the error replies that it can make, all in the one shape."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path, method, operation in operations(result):
        responses = operation["responses"]
        for status, code in _problems_of(path, method, operation):
            responses.setdefault(str(status), _problem_response(status, code))
        for status, response in responses.items():
            if int(status) >= 400 and not response.get("content"):
                response["content"] = _problem_content(int(status), _code_of(int(status)))
        operation["responses"] = dict(sorted(responses.items()))
    return result


def _problems_of(path: str, method: str, operation: Document) -> Iterator[tuple[int, str]]:
    writes = method in {"post", "put", "patch"}
    if writes or any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
        yield 400, "invalid"
    if {} not in operation.get("security", [{}]):
        yield 401, "not_authenticated"
        yield 403, "permission_denied"
    if "{" in path:
        yield 404, "not_found"
        if method in {"put", "patch", "delete"}:
            yield 412, "stale_version"
    yield 406, "not_acceptable"
    if writes:
        yield 413, "too_large"
        yield 415, "unsupported_media_type"
    yield 429, "throttled"


def _code_of(status: int) -> str:
    return next((code for code, (known, _) in FRAMEWORK_PROBLEMS.items() if known == status), "conflict")


def _problem_response(status: int, code: str) -> Document:
    titles = {"stale_version": "Stale version", "conflict": "Conflict"}
    title = titles.get(code) or FRAMEWORK_PROBLEMS[code][1]
    return {"description": title, "content": _problem_content(status, code)}


def _problem_content(status: int, code: str) -> Document:
    example = {
        "type": f"urn:crm:problem:{code}",
        "title": FRAMEWORK_PROBLEMS.get(code, (status, code.replace("_", " ").capitalize()))[1],
        "status": status,
        "detail": "What went wrong, in one sentence.",
        "code": code,
        "errors": {"loan_amount": ["A valid number is required."]} if code == "invalid" else {},
        "request_id": "3f0b6c1e9a7d4e52b8c6d1f2a3b4c5d6",
    }
    return {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}


def add_examples(result: Document, **_: Any) -> Document:
    """Give each request and reply an example, put together from its properties' examples."""
    schemas = result["components"]["schemas"]
    for _path, _method, operation in operations(result):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media in body.get("content", {}).values():
                if "schema" in media and not {"example", "examples"} & set(media):
                    media["example"] = example_of(media["schema"], schemas)
    return result


def example_of(schema: Document, schemas: Document, name: str = "", depth: int = 0) -> Any:
    """An example value of a schema: its own, the vocabulary's, or one made from its type."""
    schema = _resolved(schema, schemas)
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return next((value for value in schema["enum"] if value), None)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    if kind == "object":
        properties = schema.get("properties", {}) if depth < MAX_DEPTH else {}
        return {key: example_of(value, schemas, key, depth + 1) for key, value in properties.items()}
    if kind == "array":
        items = [schema["items"]] if depth < MAX_DEPTH else []
        return [example_of(item, schemas, name.removesuffix("s"), depth + 1) for item in items]
    return EXAMPLES[name] if name in EXAMPLES else _scalar(kind, schema)


def _resolved(schema: Document, schemas: Document) -> Document:
    """Follow references and take the first of alternatives."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
            continue
        key = next((key for key in ("allOf", "oneOf", "anyOf") if key in schema), None)
        if key is None:
            return schema
        schema = schema[key][0]


def _scalar(kind: str | None, schema: Document) -> Any:
    formats = {
        "date": "2026-03-31",
        "date-time": "2026-03-31T04:15:00Z",
        "email": "mia.chen@example.com",
        "decimal": "450000.00",
        "uri": "https://crm.example.com/api/applications/?limit=20&offset=20",
        "uuid": "0198c5c4-7f1e-7c3a-9b1d-2f6c8a4e5d70",
    }
    if schema.get("format") in formats:
        return formats[schema["format"]]
    return {"integer": 1, "number": 1.5, "boolean": True, "string": "text"}.get(kind or "")
