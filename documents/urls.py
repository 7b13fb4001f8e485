"""Addresses of notes."""

from django.urls import path

from documents.views.notes import ApplicationNoteViewSet

urlpatterns = [
    path(
        "applications/<int:application_id>/notes/",
        ApplicationNoteViewSet.as_view({"get": "list", "post": "create"}, basename="note"),
        name="application-notes",
    ),
]
