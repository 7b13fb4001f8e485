"""Every public address. Apps mount their own; this file only says where."""

from django.urls import URLPattern, URLResolver, include, path

from crm_backend.common.routers import LiteralPaths
from crm_backend.site import health, index

api: list[URLPattern | URLResolver] = [
    path("", index.ApiIndexView.as_view(), name="api-index"),
    path("schema/", index.SchemaView.as_view(), name="schema"),
    path("asyncapi/", index.AsyncApiView.as_view(), name="asyncapi"),
    path("docs/", index.DocsView.as_view(url_name="schema"), name="docs"),
    path("redoc/", index.RedocView.as_view(url_name="schema"), name="redoc"),
    path("", include("events.urls")),
    path("users/", include("users.urls")),
    path("auth/", include("users.auth_urls")),
    path("users/", include("notifications.urls")),
    path("", include("notifications.operating_urls")),
    path("", include("jobs.urls")),
    path("", include("integrations.urls")),
    path("brokers/", include("brokers.urls")),
    path("", include("borrowers.urls")),
    path("", include("applications.urls")),
    path("", include("servicing.urls")),
    path("", include("documents.urls")),
    path("chat/", include("messaging.urls")),
    path("", include("engagement.urls")),
    path("", include("reports.urls")),
    path("", include("customers.urls")),
]

urlpatterns = [
    path("", index.home, name="home"),
    path("health/", health.HealthView.as_view(), name="health"),
    path("health/live/", health.LiveView.as_view(), name="health-live"),
    path("health/ready/", health.ReadyView.as_view(), name="health-ready"),
    LiteralPaths("api/", api),
]

handler400 = "crm_backend.common.exceptions.bad_request"
handler403 = "crm_backend.common.exceptions.permission_denied"
handler404 = "crm_backend.common.exceptions.not_found"
handler500 = "crm_backend.common.exceptions.server_error"
