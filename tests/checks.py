"""What many tests assert."""

from typing import Any

from events.models import Event

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "errors", "request_id"}


def assert_refused(reply: Any, status: int, code: str, /, **errors: Any) -> dict[str, Any]:
    """Status, shape, code and the exact field errors of a refusal."""
    body: dict[str, Any] = reply.json()
    assert (reply.status_code, body["status"], body["code"]) == (status, status, code), body
    assert reply["Content-Type"] == "application/problem+json"
    assert set(body) == PROBLEM_KEYS
    assert body["errors"] == errors
    return body


def event_types(after: int = 0) -> list[str]:
    """The types of all events beyond an id, in order."""
    return list(Event.objects.filter(pk__gt=after).order_by("pk").values_list("type", flat=True))
