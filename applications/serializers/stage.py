"""Shapes of stage moves."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.choices import Stage
from applications.models import StageChange
from applications.stages import ALIASES
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.registry import Audience
from events.serializers import ActorSerializer


@extend_schema_field({"type": "string", "enum": [*Stage.values, *ALIASES]})
class StageField(serializers.ChoiceField):
    """A stage, also by the names that some clients use."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[*Stage.choices, *[(alias, alias) for alias in ALIASES]], **kwargs)

    def to_internal_value(self, data: Any) -> Stage:
        """Translate an alias."""
        value = super().to_internal_value(data)
        return ALIASES.get(value) or Stage(value)


class StageMoveSerializer(Serializer):
    """A move to another stage."""

    stage = StageField(source="to")
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Read by everyone on the application."
    )
    notes = serializers.CharField(
        max_length=5000, required=False, allow_blank=True, help_text="Read by the lender's staff only."
    )


class StageChangeSerializer(ModelSerializer):
    """One move that was made. The notes are the staff's; others read them as empty."""

    actor = ActorSerializer(read_only=True, allow_null=True)
    left_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When `to_stage` was left; null: it is there now."
    )
    seconds_in_to_stage = serializers.SerializerMethodField()

    class Meta:
        model = StageChange
        fields = [
            "id",
            "from_stage",
            "to_stage",
            "actor",
            "reason",
            "notes",
            "changed_at",
            "seconds_in_stage",
            "left_at",
            "seconds_in_to_stage",
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "integer", "minimum": 0})
    @reads("left_at", "changed_at")
    def get_seconds_in_to_stage(self, change: Any) -> int:
        """Seconds spent in `to_stage`; until now, if it is there still."""
        return max(0, int(((change.left_at or timezone.now()) - change.changed_at).total_seconds()))

    @reads()
    def conceal(self, shown: dict[str, Any], instance: StageChange) -> dict[str, Any]:
        """Keep what staff wrote for staff from other readers."""
        if self.context.get("reader", Audience.EVERYONE) < Audience.STAFF:
            shown["notes"] = ""
        return shown
