"""What the read engine makes of every list and detail there is, role by role."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.http import QueryDict
from django.urls import URLPattern, URLResolver, get_resolver

from crm_backend.common.filters import OrderingFilter
from crm_backend.common.lane_frame import is_base
from crm_backend.common.read_engine import shapes
from crm_backend.common.read_engine.engine import values_of
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.questions import Question
from crm_backend.common.viewsets import ListMixin, RetrieveMixin, ScopedViewSet
from users.choices import Role

COMPILED, PLAIN, REFUSED = "compiled", "plain", "refused"


@dataclass(frozen=True)
class Reading:
    """How one action of one address is read by one role.

    Attributes:
        way: `compiled`, `plain` by choice, or `refused`.
        why: the reason of the latter two.
        queries: how many statements a reply takes, beside those that know the caller; with filters and
            search a list's count is one more.
        lane: whether it may pass before the dispatch (`crm_backend/common/lane.py`).
    """

    address: str
    action: str
    role: str
    way: str
    why: str = ""
    sql: str = ""
    queries: int = 0
    lane: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether nobody chose that it is not compiled."""
        return self.way == REFUSED

    def line(self) -> str:
        """For people."""
        statements = "1 statement" if self.queries == 1 else f"{self.queries} statements"
        count = f"{statements}{', lane' if self.lane else ''}" if self.way == COMPILED else self.why
        return f"{self.way:<9} {self.action:<9} {self.role:<7} {self.address}  {count}"


def readings() -> Iterator[Reading]:
    """Every list and detail, for every role that may read it."""
    for address, view_class, action in sorted(_actions(), key=lambda found: found[0]):
        for role in Role.values:
            policy = getattr(view_class, "policy", None)
            if policy is None or role in policy.actions.get(action, {}):
                yield read(address, view_class, action, role)


def read(address: str, view_class: Any, action: str, role: str) -> Reading:
    """Compile one, as its first request would."""
    found: dict[str, Any] = {"address": address, "action": action, "role": role}
    why = shapes.refusal(view_class, action)
    if why:
        return Reading(**found, way=PLAIN, why=why)
    view = _view(view_class, action, role, address)
    try:
        if action == shapes.LIST:
            ordering = tuple(OrderingFilter().get_ordering(view.request, view.queryset, view) or ())
            ordering = ordering if OrderingFilter in view.filter_backends else ()
            shape = shapes.list_shape(view, Question(ordering=ordering), values_of(view))
        else:
            pk = view.kwargs["pk"]
            shape = shapes.detail_shape(view, pk, {**values_of(view), "pk": pk})
    except Refused as refusal:
        return Reading(**found, way=REFUSED, why=str(refusal))
    parent = getattr(view_class, "parent_model", None) is not None
    queries = (shape.statement.sql is not None) + parent
    lane = is_base(view_class, action)
    return Reading(**found, way=COMPILED, sql=shape.statement.sql or "", queries=queries, lane=lane)


def _view(view_class: Any, action: str, role: str, address: str) -> Any:
    view = view_class()
    user = shapes.stand_in_user(role, 1)
    view.request = SimpleNamespace(user=user, query_params=QueryDict(""), method="GET", path=address)
    view.action, view.format_kwarg, view.args = action, None, ()
    parameters = [part[1:-1].split(":") for part in address.split("/") if part.startswith("<")]
    view.kwargs = {name: shapes.EXAMPLES[converter] for converter, name in parameters}
    return view


def others() -> Iterator[Reading]:
    """Every other address that can be read, which answers in a way of its own."""
    known = {address for address, _, _ in _actions()}
    for address, pattern in sorted(_patterns(get_resolver(), "/"), key=lambda found: found[0]):
        view_class = getattr(pattern.callback, "cls", None)
        actions = getattr(pattern.callback, "actions", None)
        is_read = "get" in actions if actions else hasattr(view_class, "get")
        if view_class is None or address in known or not is_read:
            continue
        if actions:
            why = f"{view_class.__name__}.{actions['get']} makes its own reply"
        else:
            why = f"{view_class.__name__} is no resource"
        yield Reading(address, (actions or {}).get("get", "get"), "any", way=PLAIN, why=why)


def _actions() -> Iterator[tuple[str, Any, str]]:
    seen = set()
    for address, pattern in _patterns(get_resolver(), "/"):
        view_class = getattr(pattern.callback, "cls", None)
        actions = getattr(pattern.callback, "actions", None) or {}
        action = actions.get("get", "")
        base = {shapes.LIST: ListMixin, shapes.RETRIEVE: RetrieveMixin}.get(action)
        if view_class is None or base is None or not issubclass(view_class, ScopedViewSet):
            continue
        if issubclass(view_class, base) and (view_class, action) not in seen:
            seen.add((view_class, action))
            yield address, view_class, action


def _patterns(resolver: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, path)
        else:
            yield path, entry
