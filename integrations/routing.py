"""The address of the gateway's socket."""

from django.urls import re_path

from integrations.consumers import GatewayConsumer

# Clients of the protocol know no slash at the end.
websocket_urlpatterns = [re_path(r"^app/(?P<key>[^/]+)/?$", GatewayConsumer.as_asgi())]
