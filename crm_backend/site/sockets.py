"""Every public address of a socket, as `crm_backend.urls` has those of HTTP."""

from typing import Any

from django.urls import re_path

from crm_backend.common.sockets import Socket, sockets
from integrations.routing import websocket_urlpatterns as gateway
from messaging.routing import websocket_urlpatterns as chat_sockets
from notifications.routing import websocket_urlpatterns as notification_sockets
from reports.routing import websocket_urlpatterns as analytics_sockets
from users.routing import websocket_urlpatterns as presence_sockets


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake at any other address; without this it would be an error in the log."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns = [
    *notification_sockets,
    *chat_sockets,
    *presence_sockets,
    *analytics_sockets,
    *gateway,
    re_path(r"", no_such_socket),  # type: ignore[arg-type]
]

SOCKETS: list[Socket] = list(sockets(websocket_urlpatterns))
