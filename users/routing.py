"""Addresses of sockets; `crm_backend.site.sockets` has those of all apps."""

from django.urls import path

from users.consumers import PresenceConsumer

websocket_urlpatterns = [path("ws/presence/", PresenceConsumer.as_asgi(), name="presence")]
