"""Notes, of everybody and of one application, and the comments on them."""

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Prefetch, Subquery, Value
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.viewsets import (
    ChildMixin,
    CreateMixin,
    CrudViewSet,
    DestroyMixin,
    ListMixin,
    ScopedViewSet,
)
from documents.filters import NoteFilter
from documents.models import Note, NoteComment
from documents.permissions import NOTE_COMMENTS, NOTES
from documents.serializers.notes import (
    ApplicationNoteInputSerializer,
    NoteCommentSerializer,
    NoteInputSerializer,
    NoteListSerializer,
    NoteSerializer,
)
from documents.services import notes


def _with_names(rows: Any) -> Any:
    counted = NoteComment.objects.filter(note=OuterRef("pk")).order_by().values("note")
    count = Subquery(counted.annotate(n=Count("*")).values("n"), output_field=IntegerField())
    return rows.select_related("author", "assigned_to", "application").annotate(
        comment_count=Coalesce(count, Value(0))
    )


def _with_comments(rows: Any) -> Any:
    replies = NoteComment.objects.select_related("author").order_by("id")
    return _with_names(rows).prefetch_related(Prefetch("comments", replies))


@extend_schema(tags=["notes"])
class NoteViewSet(CrudViewSet):
    """Notes on applications."""

    queryset = Note.objects.all()
    policy = NOTES
    serializer_class = NoteSerializer
    serializer_classes = {
        "list": NoteListSerializer,
        "create": NoteInputSerializer,
        "update": ApplicationNoteInputSerializer,
    }
    querysets = {"list": _with_names, "retrieve": _with_comments}
    filterset_class = NoteFilter
    search_fields = ["text"]
    ordering_fields = ["created_at", "remind_date"]
    ordering = ["-created_at"]

    def perform_create(self, serializer: Any) -> Note:
        """Add it; those on the application who may read it are told, and the assignee."""
        return notes.note_add(author=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit it. A reminder whose date is moved comes again."""
        notes.note_update(note=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Delete it with its comments."""
        notes.note_delete(note=obj, actor=self.caller)


@extend_schema(tags=["applications"])
class ApplicationNoteViewSet(ChildMixin, ListMixin, ScopedViewSet):
    """Notes on an application."""

    queryset = Note.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = NOTES
    serializer_class = NoteSerializer
    serializer_classes = {"list": NoteListSerializer, "create": ApplicationNoteInputSerializer}
    querysets = {"list": _with_names, "retrieve": _with_comments}
    filter_backends = ()
    ordering = ["-created_at", "-id"]

    @extend_schema(responses={201: NoteSerializer})
    def create(self, request: Request, application_id: int) -> Response:
        """Add a note; those on the application who may read it are told, and the assignee."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        note = notes.note_add(application=self.parent, author=self.caller, **serializer.validated_data)
        return Response(self.representation(note.pk), status=status.HTTP_201_CREATED)


@extend_schema(tags=["notes"])
class NoteCommentViewSet(ChildMixin, ListMixin, CreateMixin, DestroyMixin, ScopedViewSet):
    """Replies to a note, oldest first, for the readers of the note."""

    queryset = NoteComment.objects.select_related("author")
    parent_model = Note
    parent_field = "note"
    policy = NOTE_COMMENTS
    serializer_class = NoteCommentSerializer
    filter_backends = ()
    ordering = ["id"]

    @extend_schema(responses={201: NoteCommentSerializer})
    def create(self, request: Request, note_id: int) -> Response:
        """Reply to a note; its author, its assignee and those who replied before are told."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        comment = notes.comment_add(note=self.parent, author=self.caller, **serializer.validated_data)
        return Response(self.representation(comment.pk), status=status.HTTP_201_CREATED)

    def perform_destroy(self, obj: Any) -> None:
        """Delete it."""
        notes.comment_delete(comment=obj, actor=self.caller)
