"""Addresses of documents, notes, templates and signatures."""

from typing import Any

from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from crm_backend.common.routers import Router
from documents.choices import LetterType
from documents.views.documents import ApplicationDocumentViewSet, DocumentViewSet
from documents.views.notes import ApplicationNoteViewSet, NoteCommentViewSet, NoteViewSet
from documents.views.templates import LetterViewSet, TemplateViewSet


class LetterTypeConverter(StringConverter):
    """The name of a type of letter; anything else is no address."""

    regex = "|".join(LetterType.values)


register_converter(LetterTypeConverter, "letter_type")

router = Router()
router.register("documents/documents", DocumentViewSet, basename="document")
router.register("documents/notes", NoteViewSet, basename="note")
router.register("templates", TemplateViewSet, basename="template")


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
