"""Strict serializers: unknown fields are refused, empty means null, enums explain themselves."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common import australia
from crm_backend.common.encryption import DOT, UNREADABLE, WHOLE, Secret, mask, plain
from crm_backend.common.errors import Conflict
from crm_backend.common.kept_fields import KeptFieldsMixin, as_kept
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.reads import reads_of

# "" in one of these means that the form field was left empty.
_EMPTY_IS_NULL = (
    serializers.DateField,
    serializers.DateTimeField,
    serializers.DecimalField,
    serializers.IntegerField,
    serializers.FloatField,
    serializers.PrimaryKeyRelatedField,
)


UNREADABLE_DETAIL = "What is stored here cannot be read with this installation's keys, so it is not replaced."
_MAY_BE_BLANK = (serializers.ChoiceField, serializers.EmailField)
_ID = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


class StrictMixin:
    """Refuse unknown fields; read `""` as null for dates, numbers and references."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the field names, then validate as usual."""
        if isinstance(data, Mapping):
            fields: Mapping[str, Any] = self.fields  # type: ignore[attr-defined]
            unknown = [str(name) for name in data if name not in fields]
            if unknown:
                raise serializers.ValidationError(
                    {name: ["There is no such field here."] for name in unknown}
                )
            data = {
                name: None if value == "" and isinstance(fields[name], _EMPTY_IS_NULL) else value
                for name, value in data.items()
            }
        return super().to_internal_value(data)  # type: ignore[misc]


class Representation:
    """What is shown of a row, in two steps that the read engine can compile: its fields, then `conceal`.

    Attributes:
        selected: the names of the only fields to show, None for all.
    """

    selected: ClassVar[frozenset[str] | None] = None

    def to_representation(self, instance: Any) -> Any:
        """Show the fields; then keep from the caller what is not theirs to read."""
        return self.concealed(super().to_representation(instance), instance)  # type: ignore[misc]

    def concealed(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """What is left to show: a mask of what was not selected is not shown either."""
        left = self.conceal(shown, instance)
        if self.selected is None:
            return left
        return {name: value for name, value in left.items() if name in self.selected}

    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Change what is shown by who reads; declare with `reads` what that takes of the row."""
        return shown

    @classmethod
    def is_compilable(cls) -> bool:
        """Whether the two steps are all that there is."""
        return cls.to_representation is Representation.to_representation

    @classmethod
    def concealed_by(cls) -> tuple[str, ...] | None:
        """What every `conceal` of the class reads of a row; None when there is none.

        Raises:
            Refused: one of them does not say.
        """
        found: tuple[str, ...] | None = None
        for one in cls.__mro__:
            method = vars(one).get("conceal")
            if method is None or one is Representation:
                continue
            paths = reads_of(method)
            if paths is None:
                raise Refused(f"{one.__name__}.conceal does not declare what it reads")
            found = (*(found or ()), *paths)
        return found

    @as_kept
    def get_fields(self) -> dict[str, Any]:
        """All fields, or those that were selected."""
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        if self.selected is None:
            return fields
        return {name: one for name, one in fields.items() if name in self.selected}


class Serializer(StrictMixin, Representation, KeptFieldsMixin, serializers.Serializer[Any]):
    """A strict serializer without a model."""


class LinkedListSerializer(serializers.ListSerializer[Any]):
    """The rows that links lead to, in the order of the links: `link` is the relation from one to its row."""

    def __init__(self, *, link: str, **kwargs: Any) -> None:
        self.link = link
        super().__init__(**kwargs)

    def to_representation(self, data: Any) -> list[Any]:
        """Show the row of each link."""
        rows = [getattr(one, self.link) for one in data.all()]
        return super().to_representation(rows)


class _ModelFields(serializers.ModelSerializer[Any]):
    """A model serializer that adds `<field>_display` after each enumerated model field."""

    def get_fields(self) -> dict[str, Any]:
        """Add the display names that clients would otherwise have to know."""
        fields: dict[str, Any] = {}
        for name, field in super().get_fields().items():
            fields[name] = field
            source = field.source or name
            if field.read_only and isinstance(field, _MAY_BE_BLANK) and self._may_be_blank(source):
                # DRF leaves this out where nothing is validated, but the document needs it.
                field.allow_blank = True
            if isinstance(field, serializers.ChoiceField) and not field.write_only:
                if "." not in source and hasattr(self.Meta.model, f"get_{source}_display"):
                    fields[f"{name}_display"] = serializers.CharField(
                        source=f"get_{source}_display", read_only=True
                    )
        return fields

    def _may_be_blank(self, source: str) -> bool:
        """Whether the model's own column holds "" when there is no choice."""
        model: Any = self.Meta.model
        columns = {column.name: column for column in model._meta.concrete_fields}
        return source in columns and columns[source].blank and not columns[source].null


class ModelSerializer(StrictMixin, Representation, KeptFieldsMixin, _ModelFields):
    """A strict serializer of a model."""


class VisiblePrimaryKeyField(serializers.PrimaryKeyRelatedField[Any]):
    """A reference by id to a row that the caller can see; any other id does not exist for them.

    What is there already may be sent back also by those who cannot see it.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Take the present row as it is."""
        instance = getattr(self.parent, "instance", None)
        present = getattr(instance, self.source or "", None) if isinstance(instance, models.Model) else None
        if present is not None and not isinstance(data, bool) and str(data) == str(present.pk):
            return present
        return super().to_internal_value(data)

    def get_queryset(self) -> Any:
        """Scope the choice to the caller."""
        queryset: Any = super().get_queryset()
        request = self.context.get("request")
        if queryset is None or request is None:
            return queryset
        return queryset.visible_to(request.user)


@extend_schema_field({"type": "array", "items": _ID, "maxItems": 100, "uniqueItems": True})
class VisiblePrimaryKeysField(serializers.ListField):
    """References to several rows that the caller can see, in order and each once; one query for all."""

    child = serializers.IntegerField(min_value=1)
    default_error_messages = {
        "does_not_exist": 'Invalid pk "{pk}" - object does not exist.',
        "repeated": "Each may be named once.",
    }

    def __init__(self, *, queryset: Any, **kwargs: Any) -> None:
        self.queryset = queryset
        super().__init__(max_length=100, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Find the rows."""
        ids = super().to_internal_value(data)
        if len(set(ids)) != len(ids):
            self.fail("repeated")
        rows = self.queryset.all().visible_to(self.context["request"].user).in_bulk(ids)
        for pk in ids:
            if pk not in rows:
                self.fail("does_not_exist", pk=pk)
        return [rows[pk] for pk in ids]

    def to_representation(self, value: Any) -> list[int]:
        """The ids."""
        return [row.pk for row in value]


@extend_schema_field(OpenApiTypes.STR)
class PhoneField(serializers.CharField):
    """A phone number, Australian unless prefixed; kept and returned as E.164."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 32)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Normalise the number."""
        return _with_django_messages(australia.normalise_phone, super().to_internal_value(data))


class DigitsField(serializers.CharField):
    """An identifier that people write with spaces and hyphens; kept as bare characters."""

    def to_internal_value(self, data: Any) -> str:
        """Drop the separators, so that one number has one spelling."""
        return "".join(ch for ch in super().to_internal_value(data) if ch not in " -\u00a0")


@extend_schema_field({"type": "string", "maxLength": 64})
class SecretField(DigitsField):
    """A value of an encrypted column: masked, except to its readers.

    Args:
        readers: whether this caller may read the value of this row.
        whole: mask all of it, with as many dots for every value; else the last characters are shown.

    The mask that was read may be sent back and keeps what is stored, if that can be read.
    """

    default_error_messages = {"masked": "This is masked. Send all of it, or leave it as it was read."}

    def __init__(self, *, readers: Callable[[Any, Any], bool], whole: bool = False, **kwargs: Any) -> None:
        self.readers = readers
        self.whole = whole
        self.reads = reads_of(readers)
        # As functions: a pattern would be documented for masks too, which do not match it.
        rules = kwargs.pop("validators", [])
        super().__init__(validators=[_as_function(rule) for rule in rules], **kwargs)

    def get_attribute(self, instance: Any) -> str:
        """What this caller may see of it."""
        text = plain(super().get_attribute(instance))
        if text is not None and self.readers(caller_of(self), instance):
            return text
        return self.masked(text)

    def masked(self, text: str | None) -> str:
        """What others see of a value; of one that cannot be read, the mask of nothing."""
        if text is None:
            return UNREADABLE
        return WHOLE if self.whole and text else mask(text)

    def to_internal_value(self, data: Any) -> Any:
        """Take a new value, or know the mask of the stored one."""
        text = super().to_internal_value(data)
        stored = getattr(getattr(self.root, "instance", None), str(self.source), None)
        if stored:
            known = plain(stored)
            if known is None and DOT in text:
                raise Conflict(UNREADABLE_DETAIL)
            if known is not None and text in (known, self.masked(known)):
                return stored
        if DOT in text:
            self.fail("masked")
        return text

    def run_validators(self, value: Any) -> None:
        """What is stored was validated when it came."""
        if not isinstance(value, Secret):
            super().run_validators(value)


def _as_function(rule: Callable[[Any], None]) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        rule(value)

    return check


def caller_of(field: Any) -> Any:
    """The user who is asking, None without a request."""
    return getattr(field.context.get("request"), "user", None)


class JsonListField(serializers.ListField):
    """A list of small objects that is kept in one JSON column, exactly as it is read."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate each, and turn dates into their text."""
        return json.loads(json.dumps(super().to_internal_value(data), cls=DjangoJSONEncoder))

    def run_child_validation(self, data: Any) -> Any:
        """Each is a whole one, also where only some fields of the row are sent."""
        return serializers.ListField(child=type(self.child)()).run_child_validation(data)


def _with_django_messages(clean: Callable[[str], str], value: str) -> str:
    if not value:
        return value
    try:
        return clean(value)
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages) from None
