"""Links of the OpenAPI document: what can be done next with a row that was just made.

A reply of 201 that is a resource's detail leads to every operation below the address of that detail: to the
detail itself, to its actions, and to the rows that belong to it.
"""

import re
from collections.abc import Iterator
from typing import Any

from crm_backend.common.schema import operations
from crm_backend.common.schema_replies import Document

_PARAMETER = re.compile(r"{(\w+)}")


def add_links(result: Document, **_: Any) -> Document:
    """Give each reply with a new row the links that follow from the addresses."""
    shown = [
        (path, shape)
        for path, method, operation in operations(result)
        if method == "get" and operation["operationId"].endswith("_retrieve")
        if (shape := _shape(operation, "200"))
    ]
    details = {shape: path for path, shape in shown}
    schemas = result.get("components", {}).get("schemas", {})
    below = {_PARAMETER.sub("{}", path): path for path, _ in shown}
    for path, method, operation in operations(result):
        # By its address, or where it is made below another row by the shape of the reply.
        detail = below.get(_PARAMETER.sub("{}", path) + "{}/") or details.get(_shape(operation, "201"))
        if (
            method == "post"
            and "201" in operation["responses"]
            and detail
            and _parents(detail) <= set(_PARAMETER.findall(path))
        ):
            told = set(schemas.get(_shape(operation, "201").rpartition("/")[2], {}).get("properties", ()))
            links = {target["operationId"]: target for target in _links(result, detail, told)}
            operation["responses"]["201"]["links"] = dict(sorted(links.items()))
    return result


def _shape(operation: Document, status: str) -> str:
    """The name of a reply's schema."""
    content = operation["responses"].get(status, {}).get("content", {})
    return str(content.get("application/json", {}).get("schema", {}).get("$ref", ""))


def _parents(detail: str) -> set[str]:
    return set(_PARAMETER.findall(detail)[:-1])


def _links(document: Document, detail: str, told: set[str]) -> Iterator[Document]:
    """A link to each operation at or below a detail's address.

    What is addressed by another of the reply's members (`told`), as a type, is linked by that one.
    """
    parents, beginning = sorted(_parents(detail)), _PARAMETER.sub("{}", detail)
    for path, _method, operation in operations(document):
        names = _PARAMETER.findall(path)
        # What is below a child of the new row cannot be addressed yet.
        if _PARAMETER.sub("{}", path).startswith(beginning) and len(names) == len(parents) + 1:
            own = {names[-1]: f"$response.body#/{names[-1] if names[-1] in told else 'id'}"}
            yield {
                "operationId": operation["operationId"],
                "parameters": {**{name: f"$request.path.{name}" for name in parents}, **own},
            }
