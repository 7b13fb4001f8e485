"""The AsyncAPI document: valid, complete, and what the consumers do; and its types compile."""

import json
import subprocess
from typing import Any, Literal

import pytest
import yaml
from django.urls import path
from jsonschema import Draft7Validator

from crm_backend.common import sockets as registry
from crm_backend.common.sockets import FromClient, ToClient, Undescribed, check_sent, problem_with
from crm_backend.env import BASE_DIR
from crm_backend.site.asyncapi import asyncapi_document, document
from crm_backend.site.sockets import SOCKETS, no_such_socket, websocket_urlpatterns
from crm_backend.site.typescript import Untranslatable, types_of, typescript_document
from notifications.consumers import NotificationConsumer
from notifications.serializers import NotificationSerializer
from notifications.socket_messages import MarkRead, NotificationBody, Resume
from tests import node
from tests.contract import resolved
from users.websocket import AuthenticatedConsumer

SPECIFICATION = json.loads((BASE_DIR / "tests/specifications/asyncapi-3.0.0.json").read_text())


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    return yaml.safe_load(asyncapi_document())


def test_the_document_is_asyncapi_3(asyncapi):
    errors = Draft7Validator(SPECIFICATION).iter_errors(asyncapi)
    assert [f"{list(error.absolute_path)}: {error.message}" for error in errors] == []


def test_the_specification_that_it_is_held_against_refuses_what_is_wrong(asyncapi):
    wrong = {**asyncapi, "channels": {"notifications": {"address": 7}}}
    assert not Draft7Validator(SPECIFICATION).is_valid(wrong)


@pytest.mark.parametrize("socket", SOCKETS, ids=lambda socket: socket.name)
def test_every_message_of_a_socket_has_a_model(socket):
    """A consumer's `handlers` and `receives` say the same; docs/realtime.md has the recipe."""
    assert socket.gaps() == []


def test_every_address_of_a_socket_is_described():
    served = [entry for entry in websocket_urlpatterns if entry.callback is not no_such_socket]
    assert len(SOCKETS) == len(served)
    names = [socket.name for socket in SOCKETS]
    assert len(names) == len(set(names))


def test_a_consumer_that_describes_nothing_is_found():
    class Silent(AuthenticatedConsumer):
        """A socket."""

        handlers = {"message.send": "on_send"}

    (socket,) = registry.sockets([path("ws/silent/<int:pk>/", Silent.as_asgi(), name="silent")])
    assert socket.address == "/ws/silent/{pk}/"
    assert socket.gaps() == [
        "Silent (/ws/silent/{pk}/): handles 'message.send', but `receives` has no model for it",
        "Silent (/ws/silent/{pk}/): `sends` names no message",
    ]


def test_a_model_that_nothing_handles_is_found():
    class Deaf(AuthenticatedConsumer):
        """A socket."""

        receives = (Resume,)
        sends = NotificationConsumer.sends

    (socket,) = registry.sockets([path("ws/deaf/", Deaf.as_asgi(), name="deaf")])
    assert socket.gaps() == [
        "Deaf (/ws/deaf/): `receives` has a model of 'resume', but `handlers` does not take it"
    ]


def test_two_messages_of_one_name_are_refused():
    class Resume(FromClient):
        """Another."""

        type: Literal["again"]

    class Other(AuthenticatedConsumer):
        """A socket."""

        receives = (Resume,)

    routes = [*websocket_urlpatterns[:1], path("ws/other/", Other.as_asgi(), name="other")]
    with pytest.raises(AssertionError, match="both have a Resume"):
        document(list(registry.sockets(routes)))


def test_channels_and_operations_are_those_of_the_consumers(asyncapi):
    assert {name: channel["address"] for name, channel in asyncapi["channels"].items()} == {
        socket.name: socket.address for socket in SOCKETS
    }
    for socket in SOCKETS:
        for action, models in (("receive", socket.up), ("send", socket.down)):
            operation = asyncapi["operations"][f"{socket.name}-{action}"]
            assert operation["action"] == action
            names = [resolved(asyncapi, resolved(asyncapi, item))["name"] for item in operation["messages"]]
            assert sorted(names) == sorted(model.name() for model in models)


def test_every_reference_leads_somewhere(asyncapi):
    def references(value):
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    found = set(references(asyncapi))
    assert found
    for reference in found:
        assert resolved(asyncapi, {"$ref": reference})


def test_the_body_of_a_notification_is_that_of_rest():
    assert list(NotificationBody.model_fields) == list(NotificationSerializer().fields)


# --- checking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"type": "mark_read", "ids": [1, 2]}, None),
        ({"type": "mark_read", "ids": [], "more": 1}, None),
        ({"type": "mark_read"}, "mark_read: ids: Field required."),
        ({"type": "mark_read", "ids": [1, True]}, "mark_read: ids.1: Input should be a valid integer."),
        ({"type": "mark_read", "ids": [0]}, "mark_read: ids.0: Input should be greater than 0."),
    ],
)
def test_what_a_client_says_is_checked_in_words(message, problem):
    assert problem_with(MarkRead, message) == problem


def test_what_the_server_says_is_checked():
    check_sent(NotificationConsumer, '{"type": "notification_read", "ids": [3]}')
    check_sent(NotificationConsumer, '{"type": "error", "code": "x", "detail": "y"}')
    for text in (
        '{"type": "notification_read", "ids": ["3"]}',
        '{"type": "notification_read", "ids": [3], "more": 1}',
        '{"type": "surprise"}',
    ):
        with pytest.raises(Undescribed, match="NotificationConsumer sent"):
            check_sent(NotificationConsumer, text)


async def test_every_test_checks_what_consumers_send():
    """`tests/conftest.py` has put the check into `AuthenticatedConsumer.send`."""
    with pytest.raises(Undescribed):
        await NotificationConsumer().send(text_data='{"type": "surprise"}')


# --- TypeScript ----------------------------------------------------------------------------------


class Shapes(ToClient):
    """Every kind of schema."""

    type: Literal["shapes"]
    several: list[int | None]
    table: dict[str, list[str]]
    anything: Any
    choice: Literal["a", "b"] = "a"


def test_each_kind_of_schema_has_a_type():
    class Consumer(AuthenticatedConsumer):
        """A socket."""

        sends = (Shapes,)

    text = types_of(list(registry.sockets([path("ws/shapes/", Consumer.as_asgi(), name="shapes")])))
    assert (
        """export interface Shapes {
  type: "shapes";
  several: Array<number | null>;
  table: Record<string, Array<string>>;
  anything: unknown;
  choice?: "a" | "b";
}"""
        in text
    )
    assert "    down: HeartbeatResponse | Shapes | SocketError;" in text


def test_a_kind_that_has_no_type_is_not_passed_over():
    class Odd(ToClient):
        """A tuple."""

        type: Literal["odd"]
        pair: tuple[int, str]

    class Consumer(AuthenticatedConsumer):
        """A socket."""

        sends = (Odd,)

    with pytest.raises(Untranslatable):
        types_of(list(registry.sockets([path("ws/odd/", Consumer.as_asgi(), name="odd")])))


USE = """
import type { CloseCode, Sockets } from "./realtime";

type Down = Sockets["/ws/notifications/"]["down"];
type Up = Sockets["/ws/notifications/"]["up"];

export function shown(message: Down): string {
  if (message.type === "notification") return message.notification.title;
  if (message.type === "unread_count") return String(message.count);
  return message.type;
}
export const good: Up = { type: "resume", last_seq: 3 };
export const code: CloseCode = 4401;
// @ts-expect-error the number is missing
export const bad: Up = { type: "resume" };
// @ts-expect-error no such message
export const unknown: Up = { type: "resumes", last_seq: 3 };
"""


def test_the_types_compile_and_catch_mistakes(tmp_path):
    (tmp_path / "realtime.d.ts").write_text(typescript_document())
    (tmp_path / "use.ts").write_text(USE)
    compiler = node.install() / "node_modules" / "typescript" / "bin" / "tsc"
    command = [str(node.NODE), str(compiler), "--noEmit", "--strict", "--skipLibCheck", "false", "use.ts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
