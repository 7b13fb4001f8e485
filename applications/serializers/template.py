"""What a new application can hold, derived from the serializer that reads it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.serializers.products import ProductSummarySerializer
from crm_backend.common.serializers import Serializer

_OBJECT = {"type": "object", "additionalProperties": True}


class NewApplicationSerializer(Serializer):
    """A body to fill in for `create-with-cascade/` and `validate-schema/`, and what can be chosen in it."""

    template = extend_schema_field(_OBJECT)(serializers.DictField)(
        help_text="Every field with its usual value; lists are empty."
    )
    item_templates = extend_schema_field(_OBJECT)(serializers.DictField)(
        help_text="By part that can be added, what to fill in: one item of a list, or the part."
    )
    required_fields = serializers.ListField(
        child=serializers.CharField(), help_text="Fields that must be given."
    )
    choices = extend_schema_field(_OBJECT)(serializers.DictField)(
        help_text="By field, nested like the body: value and display name of everything that it takes."
    )
    products = ProductSummarySerializer(many=True)


def template_of(
    serializer: serializers.Serializer[Any], defaults: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A body with the usual value of every field that can be written."""
    if defaults is None:
        defaults = _defaults(getattr(getattr(serializer, "Meta", None), "model", None))
    return {
        name: _usual(name, field, defaults)
        for name, field in _written(serializer).items()
        if not _is_part(field)
    }


def items_of(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """By name of a part that can be left out, the template of it, or of one item of a list."""
    return {
        name: template_of(getattr(field, "child", field))
        for name, field in _written(serializer).items()
        if isinstance(field, serializers.ListSerializer) or _is_part(field)
    }


def _is_part(field: Any) -> bool:
    """Whether it is an object of its own, and not some columns of the same row."""
    return isinstance(field, serializers.Serializer) and field.source != "*"


def choices_of(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The choices of every field that has some, nested like the body."""
    found: dict[str, Any] = {}
    for name, field in _written(serializer).items():
        inner = field.child if isinstance(field, serializers.ListSerializer) else field
        if isinstance(inner, serializers.ChoiceField):
            found[name] = [{"value": value, "display": text} for value, text in inner.choices.items()]
        elif isinstance(inner, serializers.Serializer) and (nested := choices_of(inner)):
            found[name] = nested
    return found


def required_of(serializer: serializers.Serializer[Any]) -> list[str]:
    """Names of the fields that must be given."""
    return [name for name, field in _written(serializer).items() if field.required]


def _written(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    return {
        name: field
        for name, field in serializer.fields.items()
        if not field.read_only and not isinstance(field, serializers.HiddenField)
    }


def _defaults(model: Any) -> dict[str, Any]:
    if model is None:
        return {}
    columns = model._meta.concrete_fields
    return {column.name: column.get_default() for column in columns if column.has_default()}


def _usual(name: str, field: Any, defaults: dict[str, Any]) -> Any:
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return []
    if isinstance(field, serializers.Serializer):
        return template_of(field, defaults if field.source == "*" else None)
    if name in defaults:
        return defaults[name]
    is_text = isinstance(field, serializers.CharField) or (
        isinstance(field, serializers.ChoiceField) and field.allow_blank
    )
    return "" if is_text else None
