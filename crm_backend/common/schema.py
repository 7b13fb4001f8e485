"""The OpenAPI document: what drf-spectacular cannot know of our views, and hooks that finish it."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from crm_backend.common.errors import Conflict, DomainError, StaleVersion
from crm_backend.common.idempotency import refusals
from crm_backend.common.schema_replies import RATE_LIMIT, Document, headers, problem_replies
from crm_backend.common.schema_requests import open_filters
from crm_backend.common.selection import EXPAND, FIELDS, names_of
from crm_backend.common.text import BLANKS

Endpoint = tuple[str, str, str, Callable[..., Any]]

LIST, RETRIEVE = "list", "retrieve"
API_KEY_SCHEME = "apiKeyAuth"

_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")
_VERBS = {
    "list": "List",
    "retrieve": "Read",
    "create": "Create",
    "update": "Replace",
    "partial_update": "Change",
    "destroy": "Delete",
}
_WRITES = ("create", "update", "partial_update")
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"
_EMPTY = {"type": "string", "maxLength": 0}
# Of a bigint, the widest integer that a column holds.
MAX_ID = 2**63 - 1
_METHODS = ("get", "post", "put", "patch", "delete")
_ALIASES = ("/api/auth/", "/api/users/auth/profile/")


def _names_parameter(name: str, description: str, names: Collection[str]) -> Document:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": f"{description} Names with commas between them.",
        "schema": {"type": "array", "items": {"type": "string", "enum": list(names)}},
        "style": "form",
        "explode": False,
    }


class Schema(AutoSchema):
    """drf-spectacular's schema with our summaries and tags, and all that our views can answer."""

    view: Any

    def get_operation(self, *args: Any, **kwargs: Any) -> Document | None:
        """Add refusals, headers and preconditions, which follow from the view."""
        operation: Document | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if not self.view.authentication_classes:
            operation["security"] = []
        for status, reply in operation["responses"].items():
            if int(status) < 300:
                reply["headers"] = headers(*self._headers_of(status, reply))
        self._add_preconditions(operation)
        operation.get("parameters", []).extend(self._selections())
        self._add_idempotency(operation)
        open_filters(operation, self._filters)
        operation["responses"].update(problem_replies(self._codes(operation)))
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def get_response_serializers(self) -> Any:
        """A write of a resource replies with the detail, whatever shape it took."""
        if self._action in _WRITES and hasattr(self.view, "policy"):
            return self.view.created_class if self._action == "create" else self.view.detail_class
        return super().get_response_serializers()

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Document:
        """Say also what spectacular leaves out of what a field takes."""
        inherited: Any = super()
        schema: Document = inherited._map_serializer_field(field, direction, bypass_extensions)
        if direction == "request" and schema and "$ref" not in schema:
            schema.update(_limits(field, schema))
        if isinstance(field, serializers.TimeField):
            # `format: time` has an offset, which the hour on a clock has not.
            schema = {name: value for name, value in schema.items() if name != "format"} | {"pattern": CLOCK}
        return schema

    def _insert_field_validators(self, field: Any, schema: Document) -> None:
        """As inherited; nothing is no address."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.URLField) and _may_be_empty(field):
            schema.pop("format", None)

    def _selections(self) -> Iterator[Document]:
        """`fields` and `expand`, where rows are read that they can be asked of."""
        if self._action not in (LIST, RETRIEVE) or not hasattr(self.view, "shown_by"):
            return
        names = names_of(self.view.serializer_of(self._action))
        further = self.view.expandable() if self._action == LIST else ()
        if further:
            yield _names_parameter(EXPAND, "Members of the detail to show too, as it shows them.", further)
        yield _names_parameter(FIELDS, "The only members to show; all without it.", (*names, *further))

    @property
    def _filters(self) -> Collection[str]:
        """Names of the view's filters."""
        filterset = getattr(self.view, "filterset_class", None)
        return filterset.base_filters if filterset else getattr(self.view, "filterset_fields", None) or ()

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()

    @property
    def _refused(self) -> tuple[type[DomainError], ...]:
        also = getattr(self.view, "missing_as", ()) if self._action == RETRIEVE else ()
        return (*getattr(getattr(self.view, self._action, None), "refuses", ()), *also)

    @property
    def _sends_file(self) -> bool:
        return getattr(getattr(self.view, self._action, None), "sends_file", False)

    @property
    def _idempotency(self) -> str:
        """`optional` or `required`, of an action that can be repeated under a key."""
        return getattr(getattr(self.view, self._action, None), "idempotency", "")

    def _headers_of(self, status: str, reply: Document) -> Iterator[str]:
        if self._sends_file:
            yield "ETag"
        if self._is_detail(reply):
            yield "ETag"
            if status == "201":
                yield "Location"
        if status == "202":
            yield "Location"  # of what will come of it
        if self._idempotency:
            yield "Idempotency-Replayed"
        yield "X-Request-ID"
        if self.view.throttle_classes:
            yield from RATE_LIMIT

    def _is_detail(self, reply: Document) -> bool:
        """Whether a reply is a resource as it can be read at an address of its own."""
        if not hasattr(self.view, "retrieve"):
            return False
        shapes = (self.view.detail_class, self.view.created_class)
        details = [self.resolve_serializer(shape, "response").ref for shape in shapes]
        return any(media.get("schema") in details for media in reply.get("content", {}).values())

    def get_auth(self) -> list[dict[str, Any]]:
        """API keys are not for views of people: their own accounts, and resources that say so."""
        found: list[dict[str, Any]] = super().get_auth()
        policy = getattr(self.view, "policy", None)
        if policy is not None and not policy.for_people(writing=self.method not in SAFE_METHODS):
            return found
        return [scheme for scheme in found if API_KEY_SCHEME not in scheme]

    def _add_preconditions(self, operation: Document) -> None:
        names = ["IfMatch"] if StaleVersion in self._refused else []
        if self._action == "retrieve" or self._sends_file:
            names.append("IfNoneMatch")
            operation["responses"]["304"] = {
                "description": "The caller has the current version.",
                "headers": headers(*dict.fromkeys([*self._headers_of("304", {}), "ETag"])),
            }
        if names:
            references = [{"$ref": f"#/components/parameters/{name}"} for name in names]
            operation["parameters"] = [*operation.get("parameters", []), *references]

    def _add_idempotency(self, operation: Document) -> None:
        if self._idempotency:
            name = "IdempotencyKeyRequired" if self._idempotency == "required" else "IdempotencyKey"
            reference = {"$ref": f"#/components/parameters/{name}"}
            operation["parameters"] = [*operation.get("parameters", []), reference]

    def _codes(self, operation: Document) -> Iterator[str]:
        """Codes of the errors that this operation can answer with."""
        body = "requestBody" in operation
        query = {item["name"] for item in operation.get("parameters", []) if item.get("in") == "query"}
        applies = {
            "invalid": body or query,
            "malformed": body,
            "not_authenticated": operation["security"],
            "token_not_valid": operation["security"],
            "permission_denied": hasattr(self.view, "policy"),
            "not_found": "{" in self.path or "cursor" in query,
            "not_acceptable": True,
            # Races and rows that refer to each other, which only the database sees.
            Conflict.code: self.method != "GET" and hasattr(self.view, "policy"),
            "too_large": body,
            "unsupported_media_type": body,
            "throttled": self.view.throttle_classes,
        }
        yield from (code for code, can in applies.items() if can)
        yield from (error.code for error in self._refused)
        if self._idempotency:
            yield from (error.code for error in refusals(self._idempotency))

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


def _may_be_empty(field: Any) -> bool:
    """Whether "" is among its values: a field that is only read does not say so, its column does."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    names = {column.name: column for column in model._meta.fields} if model else {}
    return bool(field.allow_blank or (field.source in names and names[field.source].blank))


def _limits(field: Any, schema: Document) -> Document:
    """What the validation of a field demands beyond its type."""
    match field:
        case serializers.DecimalField():
            sign = "-?" if field.min_value is None or field.min_value < 0 else ""
            places = field.decimal_places
            return {"pattern": rf"^{sign}\d{{1,{field.max_whole_digits}}}(?:\.\d{{1,{places}}})?$"}
        case serializers.PrimaryKeyRelatedField():
            return {"minimum": 1, "maximum": MAX_ID}
        case serializers.IntegerField() if "maximum" not in schema:
            return {"maximum": MAX_ID}
        case serializers.ListSerializer():
            ends = {"minItems": "min_length", "maxItems": "max_length"}
            return {name: length for name, end in ends.items() if (length := getattr(field, end, None))}
        case serializers.ListField() if not field.allow_empty:
            return {"minItems": 1}
        case serializers.CharField() if field.trim_whitespace and not field.allow_blank:
            # Spaces alone are trimmed to nothing.
            patterned = any(isinstance(validator, RegexValidator) for validator in field.validators)
            return (
                {}
                if patterned or {"pattern", "format", "enum"} & set(schema)
                else {"pattern": f"[^{BLANKS}]"}
            )
    return {}


def drop_aliases(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """Leave second addresses of the same views out: the document names each operation once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith(_ALIASES)]


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every (path, method, operation)."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def speak_3_1(result: Document, **_: Any) -> Document:
    """Write what may be null as OpenAPI 3.1 does; a page that was reached by a cursor has no count."""
    for name, schema in result["components"]["schemas"].items():
        properties = schema.get("properties", {})
        if name.startswith("Paginated") and {"next", "previous", "results"} <= set(properties):
            schema["required"] = ["next", "previous", "results"]
            properties["count"]["description"] = "Of all pages; left out when paging by cursor."
            for link in ("next", "previous"):
                properties[link] = {"type": ["string", "null"], "format": "uri"}
        for field in properties.values():
            # `""` or an e-mail address: formats are not asserted in 3.1, so both alternatives match "".
            if _EMPTY in field.get("oneOf", []):
                field["anyOf"] = field.pop("oneOf")
    return result
