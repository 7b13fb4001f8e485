"""`?fields=` and `?expand=`: less or more of a row than its list or detail shows.

`fields` names the only members wanted, in lists and details. `expand` adds members of the detail to the rows
of a list: who may read the detail sees no more by it than there.
"""

from functools import cache, lru_cache
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from crm_backend.common.reads import reads

# Whoever asks chooses the names, so that there are more selections than a process could keep.
KEPT = 1000
FIELDS, EXPAND = "fields", "expand"

# A serializer class. `Any`, since a class is not Hashable to the type checker, and results are kept by class.
Serializer = Any


def selection_of(request: Request) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The members wanted, None for all, and those to add."""
    return _names(request, FIELDS) or None, _names(request, EXPAND) or frozenset()


def _names(request: Request, name: str) -> frozenset[str] | None:
    text = request.query_params.get(name, "")
    return frozenset(filter(None, (one.strip() for one in text.split(",")))) if text else None


def check_names(given: frozenset[str], known: list[str], parameter: str) -> None:
    """Refuse what is no member.

    Raises:
        ValidationError: naming it, and those there are.
    """
    unknown = sorted(given - set(known))
    if unknown:
        message = f"There is no {', '.join(unknown)} here. Choose from {', '.join(known)}."
        raise ValidationError({parameter: [message]})


@lru_cache(KEPT)
def names_of(serializer: Serializer) -> tuple[str, ...]:
    """The members that a serializer shows, in order."""
    return tuple(str(one.field_name) for one in serializer()._readable_fields)


@cache
def expandable(listed: Serializer, detailed: Serializer) -> tuple[str, ...]:
    """The members of the detail that a row of the list has not."""
    return tuple(name for name in names_of(detailed) if name not in names_of(listed))


@lru_cache(KEPT)
def expanded(listed: Serializer, detailed: Serializer, names: frozenset[str]) -> Serializer:
    """The serializer of list rows with further members of the detail, as the detail has them.

    What either conceals stays concealed: the list's rule knows nothing of the further members.
    """
    listed_meta, detailed_meta = listed.Meta, detailed.Meta
    shown = [*names_of(listed), *(name for name in names_of(detailed) if name in names)]
    # A display name comes with its field, which is selected away again where nobody asked for it.
    needed = names | {name.removesuffix("_display") for name in names}
    declared = {name for name in detailed._declared_fields if name not in needed}
    own = set(listed._declared_fields)
    fields = [*listed_meta.fields, *(name for name in detailed_meta.fields if name in needed)]
    meta = type("Meta", (listed_meta,), {"fields": fields, "read_only_fields": fields})
    members: dict[str, Any] = dict.fromkeys(declared - own) | {
        "Meta": meta,
        "selected": frozenset(shown),
        "__module__": listed.__module__,
    }
    if listed.conceal is not detailed.conceal:
        members["conceal"] = _both(listed, detailed)
    if issubclass(detailed, listed):
        # Its own members as the list has them, although the detail comes first.
        return type(f"Expanded{listed.__name__}", (detailed,), {**listed._declared_fields, **members})
    return type(f"Expanded{listed.__name__}", (listed, detailed), members)


def _both(listed: Serializer, detailed: Serializer) -> Any:
    @reads()  # the rules of the bases say what they read
    def conceal(self: Any, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        return dict(detailed.conceal(self, listed.conceal(self, shown, instance), instance))

    return conceal


@lru_cache(KEPT)
def selected(serializer: Serializer, names: frozenset[str]) -> Serializer:
    """The serializer with some of its members only."""
    members = {"selected": names, "__module__": serializer.__module__}
    return type(f"Selected{serializer.__name__}", (serializer,), members)
