"""Addresses of documents, notes, templates and signatures."""

from typing import Any

from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from crm_backend.common.routers import Router
from documents.choices import LetterType
from documents.views.batches import BatchViewSet
from documents.views.documents import ApplicationDocumentViewSet, DocumentViewSet
from documents.views.notes import ApplicationNoteViewSet, NoteCommentViewSet, NoteViewSet
from documents.views.signing import DocumentSignatureViewSet, SignatureRequestViewSet
from documents.views.signing_links import (
    DeclineByLinkView,
    LinkFileView,
    OpenLinkView,
    SignatureWebhookView,
    SignByLinkView,
)
from documents.views.templates import LetterViewSet, TemplateViewSet


class LetterTypeConverter(StringConverter):
    """The name of a type of letter; anything else is no address."""

    regex = f"(?:{'|'.join(LetterType.values)})"


register_converter(LetterTypeConverter, "letter_type")

router = Router()
router.register("documents/batches", BatchViewSet, basename="document-batch")
router.register("documents/documents", DocumentViewSet, basename="document")
router.register("documents/notes", NoteViewSet, basename="note")
router.register("templates", TemplateViewSet, basename="template")
router.register("documents/signature-requests", SignatureRequestViewSet, basename="signature-request")


def _letter(tail: str, **actions: str) -> URLPattern:
    view: Any = LetterViewSet
    return path(
        f"templates/{tail}/",
        view.as_view({**actions}, basename="letter"),
        name=f"letter-{next(iter(actions.values()))}",
    )


urlpatterns = [
    _letter("types", get="types"),
    _letter("<letter_type:letter_type>/generate", post="generate"),
    _letter("<letter_type:letter_type>/preview", get="preview"),
    _letter("<letter_type:letter_type>/source", get="source"),
    *router.urls,
    path(
        "applications/<int:application_id>/notes/",
        ApplicationNoteViewSet.as_view({"get": "list", "post": "create"}, basename="application-note"),
        name="application-notes",
    ),
    path(
        "applications/<int:application_id>/documents/",
        ApplicationDocumentViewSet.as_view(
            {"get": "list", "post": "create"}, basename="application-document"
        ),
        name="application-documents",
    ),
    path(
        "documents/documents/<int:document_id>/send-for-signature/",
        DocumentSignatureViewSet.as_view({"post": "create"}, basename="document-signature"),
        name="document-send-for-signature",
    ),
    path("documents/documents/signature-webhook/", SignatureWebhookView.as_view(), name="signature-webhook"),
    path("documents/signing/open/", OpenLinkView.as_view(), name="signing-open"),
    path("documents/signing/file/", LinkFileView.as_view(), name="signing-file"),
    path("documents/signing/sign/", SignByLinkView.as_view(), name="signing-sign"),
    path("documents/signing/decline/", DeclineByLinkView.as_view(), name="signing-decline"),
    path(
        "documents/notes/<int:note_id>/comments/",
        NoteCommentViewSet.as_view({"get": "list", "post": "create"}, basename="note-comment"),
        name="note-comments",
    ),
    path(
        "documents/notes/<int:note_id>/comments/<int:pk>/",
        NoteCommentViewSet.as_view({"delete": "destroy"}, basename="note-comment"),
        name="note-comments-detail",
    ),
]
