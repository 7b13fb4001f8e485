"""Addresses of sockets."""

from django.urls import path

from messaging.consumers import ChatConsumer

websocket_urlpatterns = [
    path("ws/chat/<int:conversation_id>/", ChatConsumer.as_asgi(), name="chat"),
]
