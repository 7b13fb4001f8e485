"""`/` for people, `/api/` for programs, and the OpenAPI document."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.viewsets import ApiView
from crm_backend.site import health
from crm_backend.site.asyncapi import asyncapi_document

# What a newcomer would look for first; the OpenAPI document has everything.
ENTRY_POINTS = {
    "schema": "schema",
    "docs": "docs",
    "redoc": "redoc",
    "asyncapi": "asyncapi",
    "login": "login",
    "register": "register",
    "profile": "profile",
    "users": "user-list",
    "team": "team-member-list",
    "api_keys": "api-key-list",
    "branches": "branch-list",
    "bdms": "bdm-list",
    "brokers": "broker-list",
    "borrowers": "borrower-list",
    "guarantors": "guarantor-list",
    "applications": "application-list",
    "notifications": "notification-list",
    "reminders": "reminder-list",
    "alerts": "alert-list",
    "audit_logs": "audit-log-list",
    "event_types": "event-types",
}


class ApiIndexSerializer(serializers.Serializer[Any]):
    """Names and addresses."""

    version = serializers.CharField()
    links = serializers.DictField(child=serializers.URLField())


class ApiIndexView(ApiView):
    """The way in."""

    public = "a list of addresses, which the OpenAPI document shows as well"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses=ApiIndexSerializer)
    def get(self, request: Request) -> Response:
        """List the entry points of the API."""
        links = {name: request.build_absolute_uri(reverse(route)) for name, route in ENTRY_POINTS.items()}
        links["notifications_websocket"] = request.build_absolute_uri("/ws/notifications/").replace(
            "http", "ws", 1
        )
        return Response({"version": settings.API_VERSION, "links": links})


class SchemaView(ApiView, SpectacularAPIView):
    """The OpenAPI 3.1 document."""

    public = "documentation"


class AsyncApiView(ApiView):
    """The AsyncAPI 3 document of the sockets."""

    public = "documentation"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Give the document, as YAML."""
        return HttpResponse(asyncapi_document(), content_type="application/yaml; charset=utf-8")


class DocsView(ApiView, SpectacularSwaggerView):
    """Swagger UI."""

    public = "documentation"


class RedocView(ApiView, SpectacularRedocView):
    """ReDoc."""

    public = "documentation"
    template_name = "redoc.html"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A page for people: what this is, and where to go from here."""
    links = {name: reverse(route) for name, route in ENTRY_POINTS.items()}
    return render(
        request,
        "home.html",
        {"links": links, "environment": settings.ENVIRONMENT, "ready": health.is_ready()},
    )
