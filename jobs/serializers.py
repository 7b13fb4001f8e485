"""Shapes of jobs and of the rows of their reports."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from jobs.choices import ImportMode
from jobs.models import Job, JobRow


class ProgressSerializer(Serializer):
    """How far a job is; `total` is 0 before it is known."""

    done = serializers.IntegerField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    percent = serializers.IntegerField(read_only=True, min_value=0, max_value=100)


class JobListSerializer(ModelSerializer):
    """A job in a list."""

    progress = ProgressSerializer(source="*", read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "status",
            "progress",
            "counts",
            "message",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "expires_at",
        ]
        read_only_fields = fields


class JobSerializer(JobListSerializer):
    """A job in full."""

    parameters = serializers.DictField(read_only=True)
    result = serializers.SerializerMethodField()

    class Meta(JobListSerializer.Meta):
        fields = [*JobListSerializer.Meta.fields, "parameters", "result", "attempts", "cancel_requested_at"]
        read_only_fields = fields

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    @reads("result")
    def get_result(self, job: Job) -> Any:
        """What came of it, as its kind documents; null before the end."""
        return job.result


class StreamTicketSerializer(Serializer):
    """What to put into the address of a stream, and until when it is good to begin with."""

    ticket = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)


class JobRowSerializer(ModelSerializer):
    """What came of one row of the input; further members by the kind of the job."""

    row = serializers.IntegerField(source="number", read_only=True)
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), read_only=True)  # type: ignore[assignment]

    class Meta:
        model = JobRow
        fields = ["row", "outcome", "errors"]
        read_only_fields = fields

    @reads("data")
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """The row, its kind's own values among it."""
        return {"row": shown["row"], "outcome": shown["outcome"], **instance.data, "errors": shown["errors"]}


class BulkImportSerializer(Serializer):
    """A CSV or XLSX file, and what to do with it."""

    file = serializers.FileField(
        allow_empty_file=True, help_text="CSV (UTF-8) or XLSX; the first row names the columns."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Check everything, write nothing.")
    mode = serializers.ChoiceField(
        choices=ImportMode.choices,
        default=ImportMode.PARTIAL,
        help_text="`partial` writes the good rows; `all_or_nothing` writes none unless all are good.",
    )
