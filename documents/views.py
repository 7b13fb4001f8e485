"""Notes on an application."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.viewsets import ListMixin, ScopedViewSet
from documents.models import Note
from documents.permissions import NOTES
from documents.serializers import NoteSerializer
from documents.services import note_add


@extend_schema(tags=["applications"])
class ApplicationNoteViewSet(ListMixin, ScopedViewSet):
    """Notes on an application."""

    queryset = Note.objects.select_related("author")
    policy = NOTES
    serializer_class = NoteSerializer
    filter_backends = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the caller is known, find the application in the address."""
        super().initial(request, *args, **kwargs)
        self.application = self._find_application()

    def check_visible(self) -> None:
        """The application is looked for first."""
        self._find_application()
        super().check_visible()

    def narrow(self, queryset: Any) -> Any:
        """Only those of the application in the address, latest first."""
        return queryset.filter(application=self.application).order_by("-created_at", "-id")

    def create(self, request: Request, application_id: int) -> Response:
        """Add a note; those on the application who may read it are told."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        note = note_add(application=self.application, author=self.caller, **serializer.validated_data)
        return Response(self.representation(note.pk), status=status.HTTP_201_CREATED)

    def _find_application(self) -> Application:
        visible = Application.objects.visible_to(self.caller)
        return get_object_or_404(visible, pk=self.kwargs["application_id"])
