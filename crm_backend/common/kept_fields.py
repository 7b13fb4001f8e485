"""Serializers whose fields are worked out once for a class, and copied for each use.

REST framework asks the model for its columns, choices and validators whenever a serializer is made: for a
cascade, which has five of them in each other, that was a fifth of the request. Then it binds every field and
asks each for its part of a body, also the thirty of a borrower that are not in it. Here a field is copied and
bound when somebody looks at it. And it counts every field and serializer on the class of all of them, after
which Python has to look for the methods of each anew; those that are made for a use are not counted.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, cast

from rest_framework.fields import Field, empty
from rest_framework.utils.serializer_helpers import BindingDict

# Where fields have others in them, which know their parent.
_NESTED = ("child", "child_relation")
# What decides what becomes of a field that is not in the body.
_ASKED = ("run_validation", "validate_empty_values", "get_value", "get_default")

# What a serializer is given that is made for a use, and not to be a field of others.
_OF_A_USE = {"partial", "context", "many"}

Method = Callable[..., Any]


def as_kept(method: Method) -> Method:
    """Say of a `get_fields` that it adds nothing of its own to what is kept."""
    method.is_kept = True  # type: ignore[attr-defined]
    return method


class KeptFieldsMixin:
    """For serializers whose fields depend on their class alone; the rest is done to the copies."""

    _kept_fields: ClassVar[dict[str, Field]]
    _silent_fields: ClassVar[frozenset[str]]
    _given: Any = None

    def __init__(self, instance: Any = None, data: Any = empty, **kwargs: Any) -> None:
        if not kwargs.keys() <= _OF_A_USE:
            super().__init__(instance, data, **kwargs)  # type: ignore[call-arg]
            return
        # As REST framework does, without its count.
        self.__dict__.update(_unused(type(self)))
        # Where it is declared as a field after all, it stands where it was made, by the order in the class.
        self._creation_counter = Field._creation_counter  # type: ignore[attr-defined]
        self.instance = instance
        if data is not empty:
            self.initial_data = data
        self.partial, self._context = kwargs.get("partial", False), kwargs.get("context", {})

    def fields_of_class(self) -> dict[str, Any]:
        """The fields, made anew; override it for what is the same for every serializer of the class."""
        return super().get_fields()  # type: ignore[misc]

    @as_kept
    def get_fields(self) -> dict[str, Any]:
        """Fields of this serializer's own, as if made anew."""
        return {name: _copy(field) for name, field in self._kept().items()}

    @cached_property
    def fields(self) -> Any:
        """The fields, each made and bound when it is looked at."""
        if getattr(type(self).get_fields, "is_kept", False) and getattr(self, "selected", None) is None:
            return LazyFields(self, self._kept())
        bound = BindingDict(cast(Any, self))
        for name, field in self.get_fields().items():
            bound[name] = field
        return bound

    def get_validators(self) -> list[Any]:
        """Those of the class, which look for its constraints once; anew for whoever has other fields."""
        cls = type(self)
        names = tuple(self.fields)
        kept: tuple[tuple[str, ...], list[Any]] | None = cls.__dict__.get("_kept_validators")
        if kept is None:
            kept = names, list(super().get_validators())  # type: ignore[misc]
            cls._kept_validators = kept  # type: ignore[attr-defined]
        return list(kept[1] if kept[0] == names else super().get_validators())  # type: ignore[misc]

    def to_internal_value(self, data: Any) -> Any:
        """Validate what is given, and what has to be."""
        self._given = data
        try:
            return super().to_internal_value(data)  # type: ignore[misc]
        finally:
            self._given = None

    @property
    def _writable_fields(self) -> Any:
        """Those to ask: of a body that is being validated, not those that would only find nothing there."""
        fields, given = self.fields, self._given
        names: Any = fields
        if isinstance(fields, LazyFields) and isinstance(given, dict):
            silent = type(self)._silent_fields.difference(fields.own, given)
            names = [name for name in cast(Any, fields) if name not in silent]
        for name in names:
            field = fields[name]
            if not field.read_only:
                yield field

    def _read_only_defaults(self) -> Any:
        if isinstance(self.fields, LazyFields) and not self.fields.has_read_only_defaults():
            return {}
        return super()._read_only_defaults()  # type: ignore[misc]

    def _kept(self) -> dict[str, Field]:
        cls = type(self)
        kept: dict[str, Field] | None = cls.__dict__.get("_kept_fields")
        if kept is None:
            kept = self.fields_of_class()
            # First, since other threads look for the fields.
            cls._silent_fields = frozenset(name for name, field in kept.items() if _is_silent(field))
            cls._kept_fields = kept
        return kept


class LazyFields(BindingDict):
    """The fields of a serializer, each copied from that of its class when it is looked at.

    Attributes:
        own: the names of those that are the serializer's own by now.
    """

    def __init__(self, serializer: Any, kept: dict[str, Field]) -> None:
        super().__init__(serializer)
        self.fields = dict(kept)
        self.own: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        field = self.fields[name]
        if name not in self.own:
            self[name] = field = _copy(field)
        return field

    def __setitem__(self, name: str, field: Any) -> None:
        super().__setitem__(name, field)
        self.own.add(name)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self.own.discard(name)

    def __contains__(self, name: object) -> bool:
        names: dict[Any, Any] = self.fields
        return name in names

    def has_read_only_defaults(self) -> bool:
        """Whether a field that cannot be written may have a value for the validators."""
        return any(field.read_only and field.default is not empty for field in self.fields.values())


def _unused(cls: type[Any]) -> dict[str, Any]:
    """What a serializer of the class has in it when it was given nothing."""
    kept: dict[str, Any] | None = cls.__dict__.get("_kept_unused")
    if kept is None:
        made = object.__new__(cls)
        Field.__init__(made)
        cls._kept_unused = kept = made.__dict__
    return {name: dict(value) if type(value) is dict else value for name, value in kept.items()}


def _is_silent(field: Any) -> bool:
    """Whether a field without a value is passed over, in the way of REST framework itself."""
    if field.read_only:
        return True
    is_plain = all(getattr(type(field), name).__module__.startswith("rest_framework.") for name in _ASKED)
    return is_plain and not field.required and field.default is empty


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
