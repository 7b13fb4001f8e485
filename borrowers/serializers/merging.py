"""Merging two borrowers: what is asked for, and what came of it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from borrowers.merging import COLUMNS, SIDES, counts
from borrowers.models import Borrower, BorrowerMerge
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from events.serializers import ActorSerializer


class KeepSerializer(Serializer):
    """Whose value is kept, by field."""

    def get_fields(self) -> dict[str, Any]:
        """Every field that a merge decides."""
        return {name: serializers.ChoiceField(SIDES, required=False) for name in sorted(COLUMNS)}


class MergeSerializer(Serializer):
    """Which borrower is the duplicate, and which of its values are better."""

    duplicate = VisiblePrimaryKeyField(queryset=Borrower.objects.all(), help_text="The one that goes.")
    keep = KeepSerializer(required=False, default=dict)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class BorrowerMergeSerializer(ModelSerializer):
    """A merge. No value is told, but the names of the fields that the duplicate gave."""

    survivor_name = serializers.CharField(source="survivor.display_name", read_only=True)
    merged_into = serializers.IntegerField(
        source="into_id",
        read_only=True,
        help_text="Whom it was merged into; `survivor` differs where that one was itself merged since.",
    )
    duplicate = serializers.IntegerField(source="duplicate_id", read_only=True, help_text="The id that went.")
    fields_taken = serializers.ListField(source="taken", child=serializers.CharField(), read_only=True)
    moved = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField()
    merged_by = ActorSerializer(read_only=True)
    undone_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = BorrowerMerge
        fields = [
            "id",
            "survivor",
            "survivor_name",
            "merged_into",
            "duplicate",
            "duplicate_name",
            "reason",
            "fields_taken",
            "moved",
            "merged_by",
            "merged_at",
            "undone_by",
            "undone_at",
            "left",
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    @reads("moved")
    def get_moved(self, merge: BorrowerMerge) -> dict[str, int]:
        """How many rows went over, by model."""
        return counts(merge.moved)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    @reads("left")
    def get_left(self, merge: BorrowerMerge) -> dict[str, int]:
        """How many rows stayed when it was undone, because they were changed since, by model."""
        return {name.rpartition(".")[0]: len(pks) for name, pks in merge.left.items()}
