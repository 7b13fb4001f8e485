"""Serializers whose fields are worked out once for a class, and copied for each use.

REST framework asks the model for its columns, choices and validators whenever a serializer is made: for a
cascade, which has five of them in each other, that was a fifth of the request.
"""

from typing import Any

from rest_framework.fields import Field

# Where fields have others in them, which know their parent.
_NESTED = ("child", "child_relation")


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

    def get_validators(self) -> list[Any]:
        """Those of the class, which look for its constraints once; anew for whoever has other fields."""
        cls = type(self)
        names = tuple(self.fields)  # type: ignore[attr-defined]
        kept: tuple[tuple[str, ...], list[Any]] | None = cls.__dict__.get("_kept_validators")
        if kept is None:
            kept = names, list(super().get_validators())  # type: ignore[misc]
            cls._kept_validators = kept  # type: ignore[attr-defined]
        return list(kept[1] if kept[0] == names else super().get_validators())  # type: ignore[misc]


def _copy(field: Any) -> Any:
    """An unbound field like this one; what a serializer says about its own, it does not say about others'."""
    made = object.__new__(type(field))
    made.__dict__.update(field.__dict__)
    # A serializer's are put together when it is asked for them.
    made.__dict__.pop("fields", None)
    for name in _NESTED:
        nested = made.__dict__.get(name)
        if nested is not None:
            made.__dict__[name] = own = _copy(nested)
            own.parent = made
    return made
