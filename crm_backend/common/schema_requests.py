"""What requests may be, said as strictly in the OpenAPI document as it is asked of them."""

from collections.abc import Collection, Iterator
from typing import Any

from crm_backend.common.schema_replies import Document


def close_requests(result: Document, **_: Any) -> Document:
    """Unknown fields of a body are refused."""
    for schema in _request_objects(result):
        schema["additionalProperties"] = False
    return result


def open_filters(operation: Document, filters: Collection[str]) -> None:
    """An unknown value of an enumerated filter matches nothing; other parameters hold to what they list."""
    for parameter in operation.get("parameters", []):
        schema = parameter.get("schema", {})
        if parameter.get("name") in filters and parameter.get("in") == "query" and "enum" in schema:
            parameter["schema"] = {"anyOf": [schema, {"type": "string"}]}
            told = [parameter.get("description", ""), "Any other value matches nothing."]
            parameter["description"] = "\n\n".join(filter(None, told))


def _request_objects(document: Document) -> Iterator[Document]:
    """Every object that a request body is made of."""
    schemas = document["components"]["schemas"]
    waiting: list[Any] = [
        operation.get("requestBody", {})
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    ]
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
