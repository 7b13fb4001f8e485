"""The address of the gateway's socket."""

from django.urls import path

from integrations.consumers import GatewayConsumer

# Clients of the protocol know no slash at the end.
websocket_urlpatterns = [path("app/<str:key>", GatewayConsumer.as_asgi(), name="gateway")]
