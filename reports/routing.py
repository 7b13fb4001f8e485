"""Addresses of sockets; `crm_backend.site.sockets` has those of all apps."""

from django.urls import path

from reports.consumers import AnalyticsConsumer

websocket_urlpatterns = [path("ws/analytics/", AnalyticsConsumer.as_asgi(), name="analytics")]
