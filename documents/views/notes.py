"""Notes on an application."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.viewsets import ChildMixin, ListMixin, ScopedViewSet
from documents.models import Note
from documents.permissions import NOTES
from documents.serializers.notes import NoteSerializer
from documents.services.notes import note_add


@extend_schema(tags=["applications"])
class ApplicationNoteViewSet(ChildMixin, ListMixin, ScopedViewSet):
    """Notes on an application."""

    queryset = Note.objects.select_related("author")
    parent_model = Application
    parent_field = "application"
    policy = NOTES
    serializer_class = NoteSerializer
    filter_backends = ()
    ordering = ["-created_at", "-id"]

    def create(self, request: Request, application_id: int) -> Response:
        """Add a note; those on the application who may read it are told."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        note = note_add(application=self.parent, author=self.caller, **serializer.validated_data)
        return Response(self.representation(note.pk), status=status.HTTP_201_CREATED)
