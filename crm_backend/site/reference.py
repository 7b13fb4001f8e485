"""The reference documents, made from the code that they describe.

`manage.py docs` writes them, `manage.py docs --check` (and a test) fails when a committed one is stale.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from applications.stages import ALIASES, MOVES, OPEN, PATH
from crm_backend.common.errors import error_classes
from crm_backend.common.exceptions import FRAMEWORK_PROBLEMS
from crm_backend.common.policy import ByPeople, Policy
from crm_backend.common.scoping import ScopedQuerySet
from crm_backend.env import BASE_DIR, Environment
from crm_backend.site.asyncapi import asyncapi_document
from crm_backend.site.typescript import typescript_document
from events.registry import REGISTRY, Payload
from users.choices import Role

NOTICE = "<!-- Made by `./crm manage docs` from {source}. Edit that, not this. -->"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; pipes and line breaks in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def page(title: str, source: str, *parts: str) -> str:
    """A document with its title and a word on where it comes from."""
    return "\n\n".join([f"# {title}", NOTICE.format(source=source), *parts]) + "\n"


def settings_page() -> str:
    """Every environment variable."""
    rows = []
    for name, field in Environment.model_fields.items():
        default = "*required*" if field.is_required() else f"`{_plain(field.default)}`"
        rows.append([f"`{name.upper()}`", default, field.description or ""])
    intro = (
        "Everything that a deployment may set, read from the environment or from a `.env` file beside "
        "`manage.py`, and checked at start. Development, test and production differ only by these."
    )
    return page("Settings", "`crm_backend/env.py`", intro, table(["Variable", "Default", "Meaning"], rows))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value) or " "
    return str(value).removeprefix(f"{BASE_DIR}/")


def roles_page() -> str:
    """Who sees which rows, and who may do what with them."""
    _load_views()
    seen, done = [], []
    for resource, policy in sorted(Policy.registry.items()):
        scopes = _scopes_of(policy)
        seen.append([f"**{resource}**", *[scopes.get(role, "–") for role in Role.values]])
        for action, grants in policy.actions.items():
            cells = [_grant_words(grants.get(role)) for role in Role.values]
            done.append([f"{resource}", f"`{action}`", *cells])
    head = [Role(role).label for role in Role.values]
    return page(
        "Roles",
        "the apps' `permissions.py` and the `scopes` of their models",
        "A role sees only the rows named in the first table: any other row does not exist for it (404). "
        "The second table says what it may do with a row that it sees: anything else is 403.",
        "An API key has its owner's role, and of that what its scopes allow. No key reaches "
        f"{_by_people(ByPeople.EVERYTHING)}, and none writes {_by_people(ByPeople.WRITES)}.",
        "## Which rows a role sees",
        table(["Resource", *head], seen),
        "## What a role may do",
        table(["Resource", "Action", *head], done),
    )


def _by_people(what: ByPeople) -> str:
    found = sorted(resource for resource, policy in Policy.registry.items() if policy.by_people is what)
    return ", ".join(f"**{resource}**" for resource in found)


def _scopes_of(policy: Policy) -> dict[str, str]:
    if policy.model is None:
        return {}
    manager: Any = policy.model._default_manager
    queryset = manager.get_queryset()
    scopes = queryset.scopes if isinstance(queryset, ScopedQuerySet) else {}
    return {str(role): scope.label for role, scope in scopes.items()}


def _grant_words(grant: Any) -> str:
    if grant is None:
        return "–"
    return grant.words.lower() if grant.condition else "yes"


def events_page() -> str:
    """Every event type with its payload and its words."""
    intro = (
        "What can happen. Each event is written in the transaction of the change that it tells of; "
        "timelines, the audit log, notifications and sockets are made from it."
    )
    parts = [intro]
    for name, payload in sorted(REGISTRY.items()):
        rows = [
            [f"`{field}`", f"`{_type_name(info.annotation)}`"] for field, info in payload.model_fields.items()
        ]
        lines = [f"## `{name}`", (payload.__doc__ or "").strip(), f"- Timeline: “{payload.summary}”"]
        lines.append(f"- Readable by: {payload.audience.name.lower()}")
        lines += _told(payload)
        parts.append("\n".join([lines[0], "", lines[1], "", *lines[2:]]))
        if rows:
            parts.append(table(["Data", "Type"], rows))
    return page("Events", "the apps' `events.py`", *parts)


def _told(payload: type[Payload]) -> list[str]:
    notify = payload.notify
    if notify is None:
        return [f"- Nobody is told: {payload.silent}"]
    lines = [f"- Notification (`{notify.kind}`): “{notify.title}”", f"- Told: {notify.to}"]
    return lines + ([f"- Not by mail: {notify.no_mail}"] if notify.no_mail else [])


def _type_name(annotation: Any) -> str:
    return str(annotation) if hasattr(annotation, "__args__") else annotation.__name__


def _load_views() -> None:
    """Import every view, and so all that is declared for them; else it depends on what ran before."""
    get_resolver().url_patterns  # noqa: B018 - looked at for what it loads


def errors_page() -> str:
    """Every error code."""
    rows = {
        code: [f"{status}", f"`{code}`", title, ""] for code, (status, title) in FRAMEWORK_PROBLEMS.items()
    }
    _load_views()
    for cls in error_classes():
        doc = (cls.__doc__ or "").strip().splitlines()[0]
        rows[cls.code] = [f"{cls.status}", f"`{cls.code}`", cls.title, doc]
    example = {
        "type": "urn:crm:problem:invalid",
        "title": "Invalid input",
        "status": 400,
        "detail": "The request is not valid.",
        "code": "invalid",
        "errors": {"borrowers": {"1": {"email": ["Enter a valid email address."]}}},
        "request_id": "3f0b6c1e9a7d4e52b8c6d1f2a3b4c5d6",
    }
    return page(
        "Errors",
        "the error classes",
        "Every refusal has one shape, `application/problem+json` (RFC 9457). `code` is stable and for "
        "programs, `detail` is for people, `errors` nests like the request body, list items by position.",
        f"```json\n{json.dumps(example, indent=2)}\n```",
        table(["Status", "Code", "Title", "When"], sorted(rows.values())),
    )


def stages_page() -> str:
    """The stage machine, as a diagram and a table."""
    diagram = ["stateDiagram-v2", f"    [*] --> {PATH[0]}"]
    diagram += [f"    {here} --> {there}" for (here, there), move in MOVES.items() if move.name == "advance"]
    diagram += [
        "    state open {",
        *[f"        {stage}" for stage in OPEN],
        "    }",
        "    open --> more_info_required",
        "    more_info_required --> open: back to where it came from",
        "    open --> declined",
        "    open --> withdrawn",
    ]
    rows: dict[str, list[str]] = {}
    for (here, there), move in MOVES.items():
        cell = rows.setdefault(f"{here} {move.name}", [f"`{here}`", move.name, "", "", ""])
        cell[2] = f"{cell[2]}, `{there}`".removeprefix(", ")
        cell[3] = ", ".join(sorted(move.roles))
        cell[4] = "yes" if move.needs_reason else ""
    aliases = [[f"`{alias}`", f"`{stage}`"] for alias, stage in ALIASES.items()]
    return page(
        "Stages",
        "`applications/stages.py`",
        "```mermaid\n" + "\n".join(diagram) + "\n```",
        "Moves marked *answer* and *reopen* lead only to the stage that the application came from.",
        table(["From", "Move", "To", "By", "Needs a reason"], list(rows.values())),
        "Other names that are accepted for stages:",
        table(["Name", "Stage"], aliases),
    )


def routes_page() -> str:
    """Every HTTP address with its methods and name."""
    rows = sorted(
        [f"`/{route}`", ", ".join(methods), f"`{name}`"] for route, methods, name in routes(get_resolver())
    )
    return page(
        "Routes",
        "the URL configuration",
        "Every address also answers under `/api/v1/`. The OpenAPI document (`docs/openapi.yaml`, "
        "`/api/schema/`) has bodies and replies.",
        table(["Address", "Methods", "Name"], rows),
    )


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, list[str], str]]:
    """(route, methods, name) of every pattern."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, methods_of(pattern.callback), pattern.name or ""


def methods_of(callback: Any) -> list[str]:
    """The HTTP methods that a view answers, HEAD and OPTIONS aside."""
    actions = getattr(callback, "actions", None)
    cls = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if actions:
        names = set(actions)
    elif cls:
        names = {method for method in cls.http_method_names if hasattr(cls, method)}
    else:
        names = {"get"}
    return sorted(name.upper() for name in names - {"head", "options"})


def openapi_document() -> str:
    """The OpenAPI document as YAML."""
    generator: Any = SchemaGenerator
    renderer: Any = OpenApiYamlRenderer
    schema = generator().get_schema(request=None, public=True)
    rendered: bytes = renderer().render(schema, renderer_context={})
    return rendered.decode()


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/openapi.yaml": openapi_document,
    "docs/asyncapi.yaml": asyncapi_document,
    "docs/realtime.d.ts": typescript_document,
    "docs/reference/settings.md": settings_page,
    "docs/reference/roles.md": roles_page,
    "docs/reference/events.md": events_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/stages.md": stages_page,
    "docs/reference/routes.md": routes_page,
}
