"""Addresses of notes and documents."""

from django.urls import include, path

from crm_backend.common.routers import Router
from documents.views.batches import BatchViewSet
from documents.views.documents import ApplicationDocumentViewSet, DocumentViewSet
from documents.views.notes import ApplicationNoteViewSet

router = Router()
router.register("documents/batches", BatchViewSet, basename="document-batch")
router.register("documents/documents", DocumentViewSet, basename="document")

urlpatterns = [
    path(
        "applications/<int:application_id>/notes/",
        ApplicationNoteViewSet.as_view({"get": "list", "post": "create"}, basename="note"),
        name="application-notes",
    ),
    path(
        "applications/<int:application_id>/documents/",
        ApplicationDocumentViewSet.as_view(
            {"get": "list", "post": "create"}, basename="application-document"
        ),
        name="application-documents",
    ),
    path("", include(router.urls)),
]
