"""The ASGI application: HTTP by Django, WebSockets by channels behind one authentication."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
http = get_asgi_application()

# Imported only now: these need the apps to be loaded.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from crm_backend.common import daphne  # noqa: E402
from integrations.routing import websocket_urlpatterns as gateway  # noqa: E402
from notifications.routing import websocket_urlpatterns  # noqa: E402
from users.websocket import TokenAuthMiddleware  # noqa: E402

daphne.install()
application = ProtocolTypeRouter(
    {"http": http, "websocket": TokenAuthMiddleware(URLRouter([*gateway, *websocket_urlpatterns]))}
)
