"""The AsyncAPI 3 document of all sockets, from the models of their messages."""

import functools
import inspect
from typing import Any

import yaml
from django.conf import settings
from pydantic.json_schema import models_json_schema

from crm_backend.common.sockets import Message, Socket
from crm_backend.site.sockets import SOCKETS

INFO = """\
Seen from the server: it *sends* what clients get, and *receives* what they say. Every message is a JSON
object with a `type`; at `/app/{key}`, where the Pusher protocol is spoken, with an `event`. Clients ignore
types and members that they do not know. `docs/realtime.md` tells how to log in and how to resume after a
break; `docs/realtime.d.ts` has the same messages as TypeScript types.
"""
LOGIN = {
    "type": "object",
    "properties": {"token": {"type": "string", "description": "An access token; better given elsewhere."}},
}
BEARER = {"$ref": "#/components/securitySchemes/bearer"}
PARAMETERS = {"int": "A number.", "str": "A text.", "uuid": "A UUID.", "slug": "A word."}


def document(sockets: list[Socket]) -> dict[str, Any]:
    """The document of some sockets, as data."""
    models = _models(sockets)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "CRM sockets", "version": settings.API_VERSION, "description": INFO},
        "defaultContentType": "application/json",
        "channels": {socket.name: _channel(socket) for socket in sockets},
        "operations": {name: body for socket in sockets for name, body in _operations(socket).items()},
        "components": {
            "messages": {model.__name__: _message(model) for model in models},
            "schemas": schemas(sockets),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "As a subprotocol after `bearer`, as `?token=`, or by `authenticate`.",
                }
            },
        },
    }


def schemas(sockets: list[Socket]) -> dict[str, Any]:
    """The JSON schema of every message and of what messages are made of, by name."""
    _, found = models_json_schema(
        [(model, "validation") for model in _models(sockets)], ref_template="#/components/schemas/{model}"
    )
    return {name: _open(schema) for name, schema in sorted(found["$defs"].items())}


def _models(sockets: list[Socket]) -> list[type[Message]]:
    found: dict[str, type[Message]] = {}
    for socket in sockets:
        for model in (*socket.up, *socket.down):
            known = found.setdefault(model.__name__, model)
            assert known is model, f"{known.__module__} and {model.__module__} both have a {model.__name__}"
    return [found[name] for name in sorted(found)]


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles, and without the promise that nothing is ever added."""
    return {
        key: {name: _open(part) for name, part in value.items()}
        if key == "properties"
        else " ".join(inspect.cleandoc(value).split())
        if key == "description"
        else value
        for key, value in schema.items()
        if not (key == "additionalProperties" and value is False)
        and not (key == "title" and isinstance(value, str))
    }


def _channel(socket: Socket) -> dict[str, Any]:
    names = sorted({model.__name__ for model in (*socket.up, *socket.down)})
    channel: dict[str, Any] = {
        "address": socket.address,
        "title": socket.name.replace("-", " ").capitalize(),
        "description": inspect.cleandoc(socket.consumer.__doc__),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-close-codes": {
            str(int(code)): meaning for code, meaning in sorted(socket.consumer.close_codes.items())
        },
    }
    if socket.consumer.has_login:
        channel["bindings"]["ws"]["query"] = LOGIN
    if socket.parameters:
        channel["parameters"] = {
            name: {"description": PARAMETERS[kind]} for name, kind in sorted(socket.parameters.items())
        }
    return channel


def _operations(socket: Socket) -> dict[str, Any]:
    return {
        f"{socket.name}-{action}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{socket.name}"},
            "title": f"{socket.name.replace('-', ' ').capitalize()}: {title}",
            **(
                {"security": [{"$ref": "#/components/securitySchemes/bearer"}]}
                if socket.consumer.has_login
                else {}
            ),
            "messages": [
                {"$ref": f"#/channels/{socket.name}/messages/{model.__name__}"}
                for model in sorted(models, key=lambda model: model.__name__)
            ],
        }
        for action, title, models in (
            ("receive", "from the client", socket.up),
            ("send", "to the client", socket.down),
        )
    }


def _message(model: type[Message]) -> dict[str, Any]:
    return {
        "name": model.name(),
        "title": model.__name__,
        "summary": " ".join(inspect.cleandoc(model.__doc__ or "").split()),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything where it is."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


@functools.cache
def asyncapi_document() -> str:
    """`docs/asyncapi.yaml`."""
    return yaml.dump(document(SOCKETS), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
