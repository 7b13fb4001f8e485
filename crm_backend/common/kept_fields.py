"""Serializers whose fields are worked out once for a class, and copied for each use.

REST framework asks the model for its columns, choices and validators whenever a serializer is made: for a
cascade, which has five of them in each other, that was a fifth of the request.
"""

import copy
from typing import Any

from rest_framework.fields import DictField, Field, ListField
from rest_framework.relations import ManyRelatedField
from rest_framework.serializers import BaseSerializer

# Those that have other fields in them, which know their parent.
_NESTING = (BaseSerializer, ListField, DictField, ManyRelatedField)


class KeptFieldsMixin:
    """For serializers whose fields depend on their class alone; the rest is done to the copies."""

    def get_fields(self) -> dict[str, Any]:
        """Fields of this serializer's own, as if made anew."""
        cls = type(self)
        kept: dict[str, Field] | None = cls.__dict__.get("_kept_fields")
        if kept is None:
            kept = super().get_fields()  # type: ignore[misc]
            cls._kept_fields = kept  # type: ignore[attr-defined]
        return {name: _copy(field) for name, field in kept.items()}


def _copy(field: Any) -> Any:
    """An unbound field like this one; what a serializer says about its own, it does not say about others'."""
    if isinstance(field, _NESTING):
        return copy.deepcopy(field)
    made = object.__new__(type(field))
    made.__dict__.update(field.__dict__)
    return made
