"""Every operation that the URL resolver or the OpenAPI document knows, and the cases each must meet.

Nothing here is listed by hand: what applies follows from the views, the policy and the document.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WRITES = ("POST", "PUT", "PATCH")
# Second addresses of the same views: what is asked of them counts for the first.
ALIASES = (
    ("/api/auth/", "/api/users/auth/"),
    ("/api/users/auth/profile/", "/api/users/profile/"),
)
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
# Parameters that are one of a few words, and no row's key: one of them stands for all.
WORDS = {"letter_type": "indicative"}


class Case(StrEnum):
    """What can happen to a request."""

    SUCCESS = "success"
    NO_TOKEN = "no token"
    EXPIRED_TOKEN = "expired token"
    WRONG_ROLE = "wrong role"
    MISSING_OBJECT = "missing object"
    INVALID_INPUT = "invalid input"
    WRONG_METHOD = "wrong method"


# What counts the rows of a parent from 1, and is no key.
COUNTED = {"number": 1}


@dataclass(frozen=True)
class Operation:
    """One method of one route. `action` is the viewset's, and the policy's row for it."""

    method: str
    path: str
    view: Any = None
    action: str = ""
    methods: tuple[str, ...] = ()
    documented: dict[str, Any] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def id(self) -> str:
        """The stable id of the document, else method and path."""
        return str(self.documented.get("operationId") or self)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def public(self) -> bool:
        """Whether it is open to callers without a login."""
        return bool(getattr(self.view, "public", None)) or not hasattr(self.view, "permission_classes")

    @property
    def policy(self) -> Any:
        """The policy of its resource, None for views that are no resource."""
        return getattr(self.view, "policy", None)

    @property
    def policy_action(self) -> str:
        """The row of the policy table."""
        return "update" if self.action == "partial_update" else self.action

    @property
    def has_body(self) -> bool:
        """Whether the document says that it takes a request body."""
        return "requestBody" in self.documented

    @property
    def takes_json(self) -> bool:
        """Whether its body may be JSON; uploads are forms."""
        return "application/json" in self.documented.get("requestBody", {}).get("content", {})

    def models(self) -> dict[str, Any]:
        """By path parameter, the model that it is the key of."""
        from django.apps import apps

        named = {model._meta.model_name: model for model in apps.get_models()}
        own = getattr(getattr(self.view, "queryset", None), "model", None)
        found = {
            name: own if name == "pk" else named.get(name.removesuffix("_id")) for name in self.parameters
        }
        if (parent := getattr(self.view, "parent_model", None)) is not None:
            found[f"{self.view.parent_field}_id"] = parent
        return {name: model for name, model in found.items() if model is not None}

    def at(self, values: Mapping[str, Any]) -> str:
        """Its path with these keys."""
        return self.path.format_map({**COUNTED, **values})

    def left_out(self) -> set[str]:
        """Roles that the policy does not let do this."""
        if self.policy is None:
            return set()
        from users.choices import Role

        return set(Role.values) - set(self.policy.actions.get(self.policy_action, {}))

    def hides_rows(self) -> bool:
        """Whether it addresses rows that somebody with a login cannot see."""
        from crm_backend.common.scoping import EVERYTHING
        from users.choices import Role

        for model in self.models().values():
            scopes = getattr(model._default_manager.all(), "scopes", {})
            if scopes and any(scopes.get(role) is not EVERYTHING for role in Role.values):
                return True
        return False

    def cases(self) -> Iterator[Case]:
        """The cases that apply."""
        yield Case.SUCCESS
        if not self.public:
            yield Case.NO_TOKEN
            yield Case.EXPIRED_TOKEN
            if self.left_out() or self.hides_rows():
                yield Case.WRONG_ROLE
        if self.parameters:
            yield Case.MISSING_OBJECT
        if self.method in WRITES and self.has_body:
            yield Case.INVALID_INPUT
        if self.method == self.methods[0] and set(METHODS) - set(self.methods):
            yield Case.WRONG_METHOD  # once per route


def template(route: str) -> str:
    """A resolver's route as a path: `api/things/<int:pk>/` → `/api/things/{pk}/`."""
    return worded("/" + _CONVERTER.sub(r"{\1}", route))


def worded(path: str) -> str:
    """A path whose parameters that are words have one of them."""
    for name, word in WORDS.items():
        path = path.replace(f"{{{name}}}", word)
    return path


def folded(path: str) -> str:
    """The first address of a second one."""
    for second, first in ALIASES:
        if path.startswith(second):
            path = first + path.removeprefix(second)
    return path


def anonymous(path: str) -> str:
    """A path without the names of its parameters, which the document may spell otherwise."""
    return re.sub(r"{\w+}", "{}", path)


@dataclass(frozen=True)
class Route:
    """One address of the resolver."""

    path: str
    callback: Any

    @property
    def view(self) -> Any:
        """The view class, or the function itself."""
        for name in ("cls", "view_class"):
            if hasattr(self.callback, name):
                return getattr(self.callback, name)
        return self.callback

    @property
    def actions(self) -> dict[str, str]:
        """By method, the action; views that are no viewsets have the method's own name."""
        if actions := getattr(self.callback, "actions", None):
            return {method.upper(): action for method, action in actions.items() if method.upper() in METHODS}
        if self.view is self.callback:
            return {"GET": ""}
        return {method: "" for method in METHODS if hasattr(self.view, method.lower())}


def routes() -> list[Route]:
    """Every route of the resolver, second addresses included."""
    from django.urls import get_resolver

    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: Iterable[Any], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield Route(template(route), pattern.callback)


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation, by path and method."""
    documented = {
        (method.upper(), anonymous(worded(path))): (worded(path), operation)
        for path, item in _document()["paths"].items()
        for method, operation in item.items()
        if method.upper() in METHODS
    }
    found: dict[tuple[str, str], Operation] = {}
    for route in routes():
        path = folded(route.path)
        methods = tuple(method for method in METHODS if method in route.actions)
        for method in methods:
            _, operation = documented.get((method, anonymous(path)), ("", {}))
            found.setdefault(
                (method, anonymous(path)),
                Operation(method, path, route.view, route.actions[method], methods, operation),
            )
    for key, (path, operation) in documented.items():
        found.setdefault(key, Operation(key[0], path, methods=(key[0],), documented=operation))
    return tuple(sorted(found.values(), key=lambda op: (op.path, METHODS.index(op.method))))


def _document() -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator

    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document
