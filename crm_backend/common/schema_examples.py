"""An example for every request and reply of the OpenAPI document, put together from its schemas."""

import re
from typing import Any

from crm_backend.common.schema import CLOCK, operations
from crm_backend.common.schema_replies import Document

MAX_DEPTH = 8
DECIMALS = ("450000.00", "6.2500", "75.00", "4.5")

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
    "tax_id": "123456782",
    "bsb": "062000",
    "number": "12345678",
    "similarity": 0.62,
    "company_name": "Chen Holdings Pty Ltd",
    "reference_number": "APP-7K2M9QX4",
    "purpose": "Purchase of an owner-occupied house",
    "loan_term": 360,
    "allocation_order": ["penalty", "fee", "interest", "principal"],
    "interest_rate": "6.2500",
    "loan_to_value_ratio": "75.00",
    "signature": "data:image/png;base64,iVBORw0KGgo…",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "contact": "Vi Ng",
    "company": "Plumb Line Valuers",
    "ip_address": "203.0.113.9",
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
    "previous": None,
    "message": "Logged in.",
    "detail": "What happened, in one sentence.",
    "socket_id": "317.4711",
    "channel_name": "private-user-7",
    "channels": ["private-user-7"],
}


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
        if schema.get("minItems", 1) > 1:  # several choices, each once
            choices: list[Any] = _resolved(schema["items"], schemas)["enum"]
            return choices[: schema["minItems"]]
        items = [schema["items"]] if depth < MAX_DEPTH else []
        return [example_of(item, schemas, name.removesuffix("s"), depth + 1) for item in items]
    return EXAMPLES[name] if _speaks(name, kind) else _scalar(kind, schema)


def _speaks(name: str, kind: str | None) -> bool:
    """Whether the vocabulary has a value of this type: `number` may count something, `email` be a channel."""
    return name in EXAMPLES and kind != "boolean" and (kind != "integer" or isinstance(EXAMPLES[name], int))


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
        "uri": "https://crm.example.com/api/applications/?limit=20&offset=20",
        "uuid": "0198c5c4-7f1e-7c3a-9b1d-2f6c8a4e5d70",
    }
    if schema.get("format") == "decimal":  # an amount, a rate, a percentage, days: what has digits enough
        return next((text for text in DECIMALS if re.search(schema.get("pattern", ""), text)), "1")
    if schema.get("pattern") == CLOCK:
        return "09:00:00"
    if schema.get("format") in formats:
        return formats[schema["format"]]
    return {"integer": 1, "number": 1.5, "boolean": True, "string": "text"}.get(kind or "")
