"""Holds real replies against the OpenAPI document."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Document = dict[str, Any]

# Documented headers that a reply of any kind may lack or have; all others are exact.
ALWAYS = {"X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
TOLD = {*ALWAYS, "ETag", "Idempotency-Replayed", "Location", "Retry-After", "WWW-Authenticate"}


def resolved(document: Document, value: Document) -> Document:
    """What a reference leads to, or the value itself."""
    while "$ref" in value:
        parts = value["$ref"].removeprefix("#/").split("/")
        value = document
        for part in parts:
            value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


class Contract:
    """The document, with every object closed: a member that it does not name is an error too."""

    def __init__(self, document: Document) -> None:
        self.document = deepcopy(document)
        for schema in self.document["components"]["schemas"].values():
            _close(schema)
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry: Registry = Registry().with_resource("urn:document", resource)

    def errors(self, schema: Document, body: Any) -> list[str]:
        """What is wrong with a body."""
        absolute = _absolute(schema)
        validator = Draft202012Validator(absolute, registry=self.registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]

    def faults(self, operation: Document, reply: Any) -> Iterator[str]:
        """How a reply differs from what its operation documents."""
        status = str(reply.status_code)
        if status not in operation["responses"]:
            yield f"{status} is not documented"
            return
        documented = resolved(self.document, operation["responses"][status])
        named = set(documented.get("headers", {}))
        sometimes = {
            name
            for name, header in documented.get("headers", {}).items()
            if resolved(self.document, header).get("required") is False
        }
        sent = {name for name in TOLD if name in reply.headers}
        if missing := named - sent - sometimes:
            yield f"{status} lacks the headers {missing}"
        if extra := sent - named - set(ALWAYS):
            yield f"{status} has the headers {extra}"
        content = documented.get("content", {})
        if not content:
            if reply.content:
                yield f"{status} has a body"
            return
        media = reply.headers["Content-Type"].partition(";")[0]
        if media not in content:
            yield f"{status} is {media}"
            return
        if media.endswith("json"):  # files are held against nothing but their type
            yield from self.errors(content[media]["schema"], reply.json())


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for item in schema.values():
            _close(item)
    elif isinstance(schema, list):
        for item in schema:
            _close(item)


def _absolute(schema: Any) -> Any:
    """References into the document by its name, for a schema that is taken out of it."""
    if isinstance(schema, dict):
        return {
            key: f"urn:document{value}" if key == "$ref" else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema
