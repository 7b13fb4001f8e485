"""Shape of the pipeline."""

from rest_framework import serializers

from applications.choices import Stage
from crm_backend.common.serializers import Serializer


class PipelineStageSerializer(Serializer):
    """One column of a board."""

    stage = serializers.ChoiceField(Stage.choices)
    stage_display = serializers.CharField()
    count = serializers.IntegerField()
    total_amount = serializers.DecimalField(max_digits=20, decimal_places=2, help_text="AUD.")
    average_days_in_stage = serializers.DecimalField(
        max_digits=10, decimal_places=1, allow_null=True, help_text="Of those that are there now."
    )
    oldest = serializers.DateTimeField(allow_null=True, help_text="When the longest waiting one came there.")


class PipelineSerializer(Serializer):
    """Every stage in its order, empty ones too, and all together."""

    stages = PipelineStageSerializer(many=True)
    count = serializers.IntegerField()
    total_amount = serializers.DecimalField(max_digits=20, decimal_places=2, help_text="AUD.")
