"""Shapes of stage moves."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.choices import Stage
from applications.models import StageChange
from applications.stages import ALIASES
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer
from users.choices import Role


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

    stage = StageField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=5000, required=False, allow_blank=True)


class StageChangeSerializer(ModelSerializer):
    """One move that was made."""

    actor = ActorSerializer(read_only=True, allow_null=True)

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
        ]
        read_only_fields = fields

    def to_representation(self, instance: StageChange) -> dict[str, Any]:
        """A client does not read the notes, which staff and brokers write for each other."""
        row: dict[str, Any] = super().to_representation(instance)
        if self.context["request"].user.role == Role.CLIENT:
            row["notes"] = ""
        return row
