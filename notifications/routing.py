"""Addresses of sockets; `crm_backend.site.sockets` has those of all apps."""

from django.urls import path

from notifications.consumers import NotificationConsumer

websocket_urlpatterns = [
    path("ws/notifications/", NotificationConsumer.as_asgi(), name="notifications"),
    path("ws/notifications/<int:user_id>/", NotificationConsumer.as_asgi(), name="notifications-of-user"),
]
