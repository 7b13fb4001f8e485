"""TypeScript types of the messages of all sockets, from the schemas of the AsyncAPI document."""

import json
from typing import Any

from crm_backend.common.sockets import CLOSE_CODES, Message, Socket
from crm_backend.site.asyncapi import schemas
from crm_backend.site.sockets import SOCKETS

HEAD = """\
// Made by `./crm manage docs` from the consumers' models. Edit those, not this.
//
//   const socket = new WebSocket(`wss://${host}/ws/notifications/`, ["bearer", token]);
//   const send = (message: Sockets["/ws/notifications/"]["up"]) => socket.send(JSON.stringify(message));
//   socket.onmessage = (event) => {
//     const message: Sockets["/ws/notifications/"]["down"] = JSON.parse(event.data);
//     if (message.type === "notification") show(message.notification);
//   };
"""
SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


class Untranslatable(Exception):
    """A schema that has no TypeScript type here yet."""


def typescript_document() -> str:
    """`docs/realtime.d.ts`."""
    return types_of(SOCKETS)


def types_of(sockets: list[Socket]) -> str:
    """The types of some sockets."""
    parts = [HEAD]
    parts += [_declared(name, schema) for name, schema in schemas(sockets).items()]
    parts.append(_addresses(sockets))
    parts.append(_close_codes())
    return "\n".join(parts)


def _close_codes() -> str:
    lines = ["/** With which the server closes a socket, besides 1000. */", "export type CloseCode ="]
    for code, text in sorted(CLOSE_CODES.items()):
        lines += [f"  /** {text[0].upper()}{text[1:]}. */", f"  | {code}"]
    return "\n".join(lines) + ";\n"


def _addresses(sockets: list[Socket]) -> str:
    lines = [
        "/** What is said at each address: `up` to the server, `down` to the client. */",
        "export interface Sockets {",
    ]
    for socket in sockets:
        lines += [
            f"  {json.dumps(socket.address)}: {{",
            f"    up: {_union(socket.up)};",
            f"    down: {_union(socket.down)};",
            "  };",
        ]
    return "\n".join([*lines, "}", ""])


def _union(models: tuple[type[Message], ...]) -> str:
    return " | ".join(sorted({model.__name__ for model in models}))


def _declared(name: str, schema: dict[str, Any]) -> str:
    doc = _doc(schema, "")
    if schema.get("type") != "object":
        return f"{doc}export type {name} = {_type(schema)};\n"
    return f"{doc}export interface {name} {_members(schema, '')}\n"


def _members(schema: dict[str, Any], indent: str) -> str:
    required = set(schema.get("required", ()))
    lines = []
    for name, part in schema.get("properties", {}).items():
        optional = "" if name in required else "?"
        lines.append(
            f"{_doc(part, indent + '  ')}{indent}  {name}{optional}: {_type(part, indent + '  ')};\n"
        )
    return "{\n" + "".join(lines) + indent + "}"


def _doc(schema: dict[str, Any], indent: str) -> str:
    text = schema.get("description", "")
    return f"{indent}/** {text.replace('*/', '* /')} */\n" if text else ""


def _type(schema: dict[str, Any], indent: str = "") -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(_type(part, indent) for part in schema[key])
    return _by_kind(schema, indent)


def _by_kind(schema: dict[str, Any], indent: str) -> str:
    kind = schema.get("type")
    if kind == "array" and "items" in schema:
        return f"Array<{_type(schema['items'], indent)}>"
    if kind == "object":
        if schema.get("properties"):
            return _members(schema, indent)
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more, indent) if isinstance(more, dict) else 'unknown'}>"
    if kind in SIMPLE:
        return SIMPLE[str(kind)]
    if not schema.keys() - {"description", "default"}:
        return "unknown"
    raise Untranslatable(json.dumps(schema))
