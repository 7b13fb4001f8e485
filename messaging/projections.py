"""From events to the sockets of conversations; notifications are made of the same events elsewhere."""

from collections.abc import Iterable, Sequence
from typing import Any

from crm_backend.common.pushes import send_to_groups
from events.dispatcher import Projection, register
from events.models import Event
from messaging.live import conversation_group
from messaging.models import Conversation, Message
from messaging.selectors import for_reading, readers_of
from messaging.serializers import message_body

CHANGES = {"message.sent", "message.edited", "message.deleted"}
# After these somebody may not see an application any more, and so not what is written about it.
LOSING_SIGHT = {"application.assigned", "application.parties_changed"}

Push = tuple[int, dict[str, Any]]


def push_to_sockets(events: Sequence[Event]) -> None:
    """Tell the sockets in the conversations concerned. Repeats do no harm: receivers count changes."""
    pushes = [*_changes(events), *_readings(events), *_departures(events)]
    if pushes:
        _send_all(pushes)


def _changes(events: Sequence[Event]) -> Iterable[Push]:
    """Messages as they are now, in the order of their latest changes, and who may read them.

    A socket of somebody who is a member no more may not have been told yet: no order holds between batches.
    """
    ids = {event.data["message_id"] for event in events if event.type in CHANGES}
    rows = for_reading(Message.objects.filter(pk__in=ids)).order_by("conversation_id", "change")
    readers: dict[int, list[int]] = {}
    for message in rows.select_related("conversation"):
        pk = message.conversation_id
        if pk not in readers:
            readers[pk] = sorted(readers_of(message.conversation))
        shown = {"change": message.change, "message": message_body(message), "readers": readers[pk]}
        yield pk, {"type": "chat.message", **shown}


def _readings(events: Sequence[Event]) -> Iterable[Push]:
    for event in events:
        if event.type == "conversation.read":
            data = {"user_id": event.data["user_id"], "number": event.data["number"]}
            yield event.subject_id, {"type": "chat.read", **data}


def _departures(events: Sequence[Event]) -> Iterable[Push]:
    for event in events:
        if event.type == "conversation.member_removed":
            yield event.subject_id, _look_again(event.data["user_id"])
        elif event.type == "conversation.deleted":
            yield event.subject_id, _look_again(None)
    applications = {event.application_id for event in events if event.type in LOSING_SIGHT}
    if applications:
        found = Conversation.objects.filter(application__in=applications).values_list("pk", flat=True)
        for pk in found:
            yield pk, _look_again(None)


def _look_again(user_id: int | None) -> dict[str, Any]:
    return {"type": "chat.members_changed", "user_id": user_id}


def _send_all(pushes: Iterable[Push]) -> None:
    send_to_groups([(conversation_group(conversation_id), message) for conversation_id, message in pushes])


register(Projection("chat", deliver=push_to_sockets))
