"""What a request means to the API, for requests that spell a documented value in another way.

The document names one spelling of each value. The API reads a few more, as forms and frontends send them:
a number as text, text given as a number, `""` for no date, no number and no filter, spaces around text.
A request that is the documented one in such a spelling is not a violation; anything else that is accepted is.
"""

import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.contract import Document, resolved

WORDS = {"true": True, "t": True, "yes": True, "y": True, "on": True, "1": True,
         "false": False, "f": False, "no": False, "n": False, "off": False, "0": False}  # fmt: skip
SEVERAL = ("anyOf", "oneOf", "allOf")
FORMATS = FormatChecker(["date", "email"])


def is_documented(document: Document, schema: Document, value: Any) -> bool:
    """Whether a value, read as the API reads it, is what a schema of the document takes."""
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=FORMATS).is_valid(read(document, schema, value))


def read(document: Document, schema: Document, value: Any) -> Any:
    """A value in the document's spelling, as far as it has one."""
    schema = resolved(document, schema)
    for key in SEVERAL:
        for part in schema.get(key, []):
            as_part = read(document, part, value)
            if is_of(document, part, as_part):
                return as_part
    match value:
        case dict():
            properties = schema.get("properties", {})
            return {name: read(document, properties.get(name, {}), item) for name, item in value.items()}
        case list():
            return [read(document, schema.get("items", {}), item) for item in value]
    return _scalar(schema, value)


def is_of(document: Document, schema: Document, value: Any) -> bool:
    """Whether a value fits a schema as it stands."""
    return Draft202012Validator({**schema, "components": document["components"]}).is_valid(value)


def _scalar(schema: Document, value: Any) -> Any:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if value == "" and "null" in kinds:
        return None
    if "boolean" in kinds and str(value).lower() in WORDS:
        return WORDS[str(value).lower()]
    if "integer" in kinds and re.fullmatch(r"\s*[+-]?[0-9]+(\.0*)?\s*", str(value)):
        return int(float(str(value))) if "." in str(value) else int(str(value))
    if "number" in kinds and isinstance(value, str):
        return _number(value)
    if "string" in kinds:
        return _text(schema, value)
    return value


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _text(schema: Document, value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    if schema.get("format") == "date-time":
        return value.strip().replace(" ", "T") if value else value
    return value.strip()
