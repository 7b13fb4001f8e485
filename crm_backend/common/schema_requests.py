"""What requests may be, said as strictly in the OpenAPI document as it is asked of them."""

from collections.abc import Iterator
from typing import Any

from crm_backend.common.schema import operations
from crm_backend.common.schema_replies import Document


def close_requests(result: Document, **_: Any) -> Document:
    """Unknown fields of a body are refused; an unknown value of an enumerated filter matches nothing."""
    for schema in _request_objects(result):
        schema["additionalProperties"] = False
    for _path, _method, operation in operations(result):
        for parameter in operation.get("parameters", []):
            schema = parameter.get("schema", {})
            # The form of a file is asked for as strictly as a field of a body.
            loose = parameter.get("in") == "query" and parameter["name"] != "format"
            if loose and "enum" in schema:
                parameter["schema"] = {"anyOf": [schema, {"type": "string"}]}
                told = [parameter.get("description", ""), "Any other value matches nothing."]
                parameter["description"] = "\n\n".join(filter(None, told))
    return result


def _request_objects(document: Document) -> Iterator[Document]:
    """Every object that a request body is made of."""
    schemas = document["components"]["schemas"]
    waiting: list[Any] = [operation.get("requestBody", {}) for _, _, operation in operations(document)]
    seen: set[str] = set()
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)} if reference not in seen:
                seen.add(reference)
                waiting.append(schemas[reference.rpartition("/")[2]])
            case dict(schema):
                if "properties" in schema and isinstance(schema["properties"], dict):
                    yield schema
                waiting += schema.values()
            case list(items):
                waiting += items
