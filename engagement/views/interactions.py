"""What passed between people."""

from typing import Any

from crm_backend.common.viewsets import CrudViewSet
from engagement.filters import InteractionFilter
from engagement.models import Interaction
from engagement.permissions import INTERACTIONS
from engagement.serializers.interactions import (
    InteractionInputSerializer,
    InteractionSerializer,
    InteractionUpdateSerializer,
)
from engagement.services import interactions


def _with_author(rows: Any) -> Any:
    return rows.select_related("author")


class InteractionViewSet(CrudViewSet):
    """Calls, mails and meetings on leads, borrowers and applications."""

    queryset = Interaction.objects.all()
    policy = INTERACTIONS
    serializer_class = InteractionSerializer
    serializer_classes = {"create": InteractionInputSerializer, "update": InteractionUpdateSerializer}
    querysets = {"list": _with_author, "retrieve": _with_author}
    filterset_class = InteractionFilter
    search_fields = ["subject", "body"]
    ordering_fields = ["occurred_at", "created_at"]
    ordering = ["-occurred_at"]

    def perform_create(self, serializer: Any) -> Interaction:
        """Keep it; the timeline of what it is about shows it."""
        return interactions.interaction_log(author=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit it."""
        interactions.interaction_update(
            interaction=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete it."""
        interactions.interaction_delete(interaction=obj, actor=self.caller)
