"""Addresses of sockets."""

from django.urls import path, re_path

from notifications.consumers import NotificationConsumer
from users.websocket import UnknownAddressConsumer

websocket_urlpatterns = [
    path("ws/notifications/", NotificationConsumer.as_asgi()),
    path("ws/notifications/<int:user_id>/", NotificationConsumer.as_asgi()),
    re_path(r"", UnknownAddressConsumer.as_asgi()),
]
