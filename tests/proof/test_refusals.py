"""Every rule that the fields of a body carry refuses what breaks it: 400, that field alone, nothing written.

The examples are made from the serializers themselves: an otherwise good body with one change for each rule.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import RegexValidator
from rest_framework import serializers

from crm_backend.common.serializers import VisiblePrimaryKeysField
from tests.documents import makers
from tests.integration.addresses import MISSING, address, allowed_role
from tests.integration.bodies import BODIES
from tests.plugins.route_table import Operation, operations
from tests.proof.prober import undone
from tests.proof.shapes import serializer_of
from tests.writes import nothing_written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_world")]

WITH_BODY = [operation for operation in operations() if operation.takes_json]
WITH_FORM = [op for op in operations() if op.documented and op.has_body and not op.takes_json]
NO_TEXT = (serializers.ChoiceField, serializers.FileField)
# By kind of field, a value of a wrong type or form.
WRONG: list[tuple[type[Any], Any]] = [
    (VisiblePrimaryKeysField, "x"),
    (serializers.ListField, "x"),
    (serializers.ListSerializer, "x"),
    (serializers.BaseSerializer, "x"),
    (serializers.EmailField, "nobody"),
    (serializers.UUIDField, "x"),
    (serializers.FileField, "x"),
    (serializers.CharField, {}),
    (serializers.BooleanField, "maybe"),
    (serializers.IntegerField, "x"),
    (serializers.FloatField, "x"),
    (serializers.DecimalField, "x"),
    (serializers.DateTimeField, "2026-02-30T00:00:00Z"),
    (serializers.DateField, "2026-02-30"),
    (serializers.PrimaryKeyRelatedField, "x"),
]

Path = tuple[str, ...]


class Missing:
    """Stands for a field that is left out."""


def breaches(field: Any, *, partial: bool) -> Iterator[tuple[str, Path, Any]]:
    """Each rule of a field: its name, where in the field, and a value that breaks it."""
    if field.required and not partial:
        yield "required", (), Missing
    if not field.allow_null:
        yield "null", (), None
    yield from (("wrong type", (), value) for kind, value in WRONG[:] if type_decides(field, kind))
    yield from ((rule, (), value) for rule, value in _own(field))
    yield from _inside(field, partial=partial)


def type_decides(field: Any, kind: type[Any]) -> bool:
    """Whether this is the first kind in the table that the field is of."""
    return next((known for known, _ in WRONG if isinstance(field, known)), None) is kind


def _own(field: Any) -> Iterator[tuple[str, Any]]:
    for kind, rules in RULES:
        if isinstance(field, kind):
            yield from rules(field)
            return


def _choice(field: Any) -> Iterator[tuple[str, Any]]:
    yield "choice", "no such choice"
    if not field.allow_blank:
        yield "blank", ""


def _decimal(field: Any) -> Iterator[tuple[str, Any]]:
    yield "decimal places", "1." + "1" * (field.decimal_places + 1)
    yield "digits", "9" * (field.max_whole_digits + 1)
    yield from _bounds(field)


def _ids(field: Any) -> Iterator[tuple[str, Any]]:
    yield "missing row", [MISSING]
    yield "too many", list(range(1, field.max_length + 2))
    yield "twice", [1, 1]


def _list(field: Any) -> Iterator[tuple[str, Any]]:
    if field.max_length is not None:
        yield "too many", [{} if hasattr(field.child, "fields") else 1] * (field.max_length + 1)
    if not field.allow_empty:
        yield "empty", []


def _date(field: Any) -> Iterator[tuple[str, Any]]:
    if _functions(field):
        yield "validator", "9999-12-31"


def _text(field: Any) -> Iterator[tuple[str, Any]]:
    yield "NUL", "a\x00b"
    if not field.allow_blank:
        yield "blank", ""
    if field.max_length is not None:
        tail = "@example.com" if isinstance(field, serializers.EmailField) else ""
        yield "max_length", "a" * (field.max_length + 1 - len(tail)) + tail
    if field.min_length:
        yield "min_length", "a" * (field.min_length - 1)
    if isinstance(field, serializers.EmailField):
        return
    if _functions(field) or any(isinstance(rule, RegexValidator) for rule in field.validators):
        yield "validator", "?"


def _functions(field: Any) -> list[Any]:
    """Validators of our own."""
    return [rule for rule in field.validators if callable(rule) and hasattr(rule, "__name__")]


def _bounds(field: Any) -> Iterator[tuple[str, Any]]:
    if field.max_value is not None:
        yield "max_value", str(field.max_value + 1)
    if field.min_value is not None:
        yield "min_value", str(field.min_value - 1)


# The first kind that a field is of decides.
RULES: list[tuple[type[Any], Callable[[Any], Iterator[tuple[str, Any]]]]] = [
    (serializers.ChoiceField, _choice),
    (serializers.CharField, _text),
    (serializers.DecimalField, _decimal),
    (serializers.IntegerField, lambda field: _bounds(field)),
    (serializers.PrimaryKeyRelatedField, lambda field: iter([("missing row", MISSING)])),
    (VisiblePrimaryKeysField, _ids),
    (serializers.ListField, _list),
    (serializers.ListSerializer, _list),
    (serializers.BaseSerializer, lambda field: iter([("unknown field", {"no_such_field": 1})])),
    (serializers.DateField, _date),
]


def _inside(field: Any, *, partial: bool) -> Iterator[tuple[str, Path, Any]]:
    """Rules of what is nested, one level down; the first item of a list."""
    inner: Any
    where: Path
    match field:
        case VisiblePrimaryKeysField():
            return
        case serializers.ListSerializer():
            inner, where = field.child.fields, ("0",)
        case serializers.ListField():
            for rule, path, value in breaches(field.child, partial=True):
                yield f"item {rule}", ("0", *path), value
            return
        case serializers.BaseSerializer():
            inner, where = field.fields, ()
        case _:
            return
    for name, child in inner.items():
        if readable(child):
            for rule, path, value in breaches(child, partial=partial):
                yield f"{name} {rule}", (*where, name, *path), value


def readable(field: Any) -> bool:
    """Whether a caller can send it."""
    return not field.read_only and not isinstance(field, serializers.HiddenField)


def changed(body: Any, path: Path, value: Any, example: Any) -> Any:
    """A body with one change; what is nested and not in the body yet is taken from the example."""
    body = deepcopy(body)
    here, shown = body, example
    for name, following in zip(path, [*path[1:], None], strict=True):
        in_list = isinstance(here, list)
        key: Any = int(name) if in_list else name
        if in_list:
            shown = shown[0] if shown else None
        else:
            shown = shown.get(name) if isinstance(shown, dict) else None
        if following is None and value is Missing:
            here.pop(key, None)
        elif following is None:
            if in_list:
                here[key:] = [value]
            else:
                here[key] = value
        else:
            begun = bare(shown) if shown is not None else [] if following == "0" else {}
            if in_list and not here:
                here.append(begun)
            elif not in_list:
                here.setdefault(key, begun)
            here = here[key]
    return body


def bare(example: Any) -> Any:
    """An object with its own values, a list with one such object: nothing that is nested deeper."""
    if isinstance(example, list):
        return [bare(item) for item in example]
    if not isinstance(example, dict):
        return example
    return {key: value for key, value in example.items() if not isinstance(value, dict | list)}


def good_body(operation: Operation, world: Any) -> Any:
    """What a granted role sends, or what the document shows."""
    return BODIES[operation.id](world) if operation.id in BODIES else example_of(operation)


def example_of(operation: Operation) -> Any:
    """The body that the document shows."""
    media: dict[str, Any] = operation.documented["requestBody"]["content"]["application/json"]
    return media.get("example", {})


def nested_example(serializer: Any, shown: Any) -> dict[str, Any]:
    """Of an example, what has to be there in nested objects, at any depth; ids in it are nobody's."""
    found: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        inner = getattr(field, "child", field)
        if readable(field) and hasattr(inner, "fields"):
            items = shown.get(name) or {}
            item = nested_example(inner, items[0] if isinstance(items, list) else items)
            found[name] = [item] if hasattr(field, "child") else item
        elif readable(field) and field.required:
            found[name] = shown.get(name)
    return found


def leaves(errors: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all messages."""
    if isinstance(errors, dict):
        for name, item in errors.items():
            yield from leaves(item, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_every_rule_of_every_field_refuses(operation, world, api):
    serializer = serializer_of(operation)
    assert serializer is not None
    role = allowed_role(operation)
    client = api() if operation.public else api(world.user(role))
    path, body = address(operation, world, role), good_body(operation, world)
    partial = operation.method == "PATCH" or serializer.partial

    def send(content: Any) -> Any:
        return client.generic(operation.method, path, json.dumps(content), "application/json")

    if operation.id in BODIES:
        with undone():
            accepted = send(body)
        assert accepted.status_code < 300, accepted.content

    wrong, tried, nested = [], 0, nested_example(serializer, example_of(operation))
    with nothing_written():
        for name, field in serializer.fields.items():
            for rule, inner, value in breaches(field, partial=partial) if readable(field) else ():
                where = (name, *inner)
                reply = send(changed(body, where, value, nested))
                tried += 1
                errors = reply.json().get("errors", {}) if reply.content else {}
                found = [found[: len(where)] for found in leaves(errors)]
                if reply.status_code != 400 or not found or any(one != where for one in found):
                    wrong.append(f"{'.'.join(where)}: {rule}: {reply.status_code} {errors}")
    assert wrong == []
    assert tried


def table(content: bytes = b"client_reference,loan_amount,loan_term,interest_rate\nA,1,1,1\n") -> Any:
    """An upload."""
    return SimpleUploadedFile("table.csv", content)


def people() -> Any:
    """An upload of leads."""
    return table(b"first_name,last_name,email\nMia,Chen,mia@example.com\n")


# By uploading operation: forms with one fault each, and how each is refused: status, code, and fields.
FORMS: dict[str, list[tuple[Callable[[], dict[str, Any]], int, str, set[str]]]] = {
    "application_bulk_import": [
        (dict, 400, "invalid", {"file"}),
        (lambda: {"file": table(), "mode": "perhaps"}, 400, "invalid", {"mode"}),
        (lambda: {"file": table(), "mode": ""}, 400, "invalid", {"mode"}),
        (lambda: {"file": table(), "dry_run": "perhaps"}, 400, "invalid", {"dry_run"}),
        (lambda: {"file": table(), "no_such_field": "1"}, 400, "invalid", {"no_such_field"}),
        (lambda: {"file": table(b"")}, 400, "invalid", {"file"}),
        (lambda: {"file": table(b"colour\nred\n")}, 400, "invalid", {"file"}),
        (lambda: {"file": table(b"%PDF-1.7\n\x00\x01\xff")}, 415, "unsupported_file", set()),
        (lambda: {"file": table(b"a" * 20_000_000)}, 413, "file_too_large", set()),
    ],
    "lead_bulk_import": [
        (dict, 400, "invalid", {"file"}),
        (lambda: {"file": people(), "mode": "perhaps"}, 400, "invalid", {"mode"}),
        (lambda: {"file": people(), "duplicates": "perhaps"}, 400, "invalid", {"duplicates"}),
        (lambda: {"file": people(), "assign": "perhaps"}, 400, "invalid", {"assign"}),
        (lambda: {"file": people(), "dry_run": "perhaps"}, 400, "invalid", {"dry_run"}),
        (lambda: {"file": people(), "no_such_field": "1"}, 400, "invalid", {"no_such_field"}),
        (lambda: {"file": table(b"")}, 400, "invalid", {"file"}),
        (lambda: {"file": table(b"colour\nred\n")}, 400, "invalid", {"file"}),
        (lambda: {"file": table(b"%PDF-1.7\n\x00\x01\xff")}, 415, "unsupported_file", set()),
        (lambda: {"file": table(b"a" * 20_000_000)}, 413, "file_too_large", set()),
    ],
}


FAULTS: list[tuple[Callable[[], dict[str, Any]], int, str, set[str]]] = [
    (dict, 400, "invalid", {"file"}),
    (lambda: {"file": makers.upload(b"")}, 400, "invalid", {"file"}),
    (lambda: {"file": "no file"}, 400, "invalid", {"file"}),
    (lambda: {"file": makers.upload(), "no_such_field": "1"}, 400, "invalid", {"no_such_field"}),
    (lambda: {"file": makers.upload(b"\x7fELF" + bytes(99))}, 415, "unsupported_file", {"file"}),
    (lambda: {"file": makers.upload(makers.archive())}, 415, "unsafe_file", {"file"}),
]
SAID: list[tuple[Callable[[], dict[str, Any]], int, str, set[str]]] = [
    (lambda: {"file": makers.upload(), "kind": "novel"}, 400, "invalid", {"kind"}),
    (lambda: {"file": makers.upload(), "title": "x" * 201}, 400, "invalid", {"title"}),
    (lambda: {"file": makers.upload(), "title": "\x00"}, 400, "invalid", {"title"}),
    (lambda: {"file": makers.upload(), "description": "x" * 2001}, 400, "invalid", {"description"}),
    (
        lambda: {"file": makers.upload(), "visible_to_client": "perhaps"},
        400,
        "invalid",
        {"visible_to_client"},
    ),
]
FORMS["application_document_create"] = [*FAULTS, *SAID]
FORMS["document_create_version"] = [
    *FAULTS,
    (lambda: {"file": makers.upload(), "note": "x" * 501}, 400, "invalid", {"note"}),
]
FORMS["document_create"] = [
    (dict, 400, "invalid", {"application", "file"}),
    (lambda: {"application": 2**31, "file": makers.upload()}, 400, "invalid", {"application"}),
    (lambda: {"application": "ours", "file": makers.upload()}, 400, "invalid", {"application"}),
]
FORMS["document_batch_create"] = [
    (dict, 400, "invalid", {"application", "files"}),
    (lambda: {"application": 2**31, "files": [makers.upload()]}, 400, "invalid", {"application"}),
    (lambda: {"application": "ours", "files": "none"}, 400, "invalid", {"application", "files"}),
]


@pytest.mark.parametrize("operation", WITH_FORM, ids=str)
def test_every_fault_of_a_form_is_refused(operation, world, api):
    role = allowed_role(operation)
    client, path = api(world.user(role)), address(operation, world, role)
    with nothing_written():
        for form, status, code, fields in FORMS[operation.id]:
            reply = client.post(path, form(), format="multipart")
            body = reply.json()
            assert (reply.status_code, body["code"], set(body.get("errors", {}))) == (status, code, fields)
