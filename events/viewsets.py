"""A viewset mixin for plain records."""

from typing import Any

from django.db import models
from rest_framework.serializers import BaseSerializer

from events.recording import RecordEvents
from events.services import emit


class RecordedMixin:
    """Emits the record events of a CRUD viewset, in the transaction of each write."""

    record_events: RecordEvents

    def perform_create(self: Any, serializer: BaseSerializer[Any]) -> models.Model:
        """Save and tell."""
        obj: models.Model = serializer.save(**self.created_with())
        emit(self.record_events.created(label=str(obj)), actor=self.caller, subject=obj)
        return obj

    def created_with(self) -> dict[str, Any]:
        """Values of a new row that do not come from the body."""
        return {}

    def perform_update(self: Any, serializer: BaseSerializer[Any]) -> None:
        """Save what differs, and tell which fields those were."""
        obj, data = serializer.instance, serializer.validated_data
        changed = sorted(name for name, value in data.items() if getattr(obj, name) != value)
        obj = serializer.save()
        if changed:
            updated = self.record_events.updated(label=str(obj), field_names=", ".join(changed))
            emit(updated, actor=self.caller, subject=obj)

    def perform_destroy(self: Any, obj: models.Model) -> None:
        """Tell and delete."""
        emit(self.record_events.deleted(label=str(obj)), actor=self.caller, subject=obj)
        obj.delete()
