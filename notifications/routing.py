"""Addresses of sockets."""

from typing import Any

from django.urls import path, re_path

from notifications.consumers import NotificationConsumer


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake at any other address; without this it would be an error in the log."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns = [
    path("ws/notifications/", NotificationConsumer.as_asgi()),
    path("ws/notifications/<int:user_id>/", NotificationConsumer.as_asgi()),
    re_path(r"", no_such_socket),  # type: ignore[arg-type]
]
