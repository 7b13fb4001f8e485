"""Shapes of the export."""

from rest_framework import serializers

from applications.models import Application
from applications.serializers.applications import ApplicationListSerializer


class ExportOptionsSerializer(serializers.Serializer):
    """Beside the filters of the list, which are checked by themselves."""

    bom = serializers.BooleanField(
        default=False, help_text="Begin a CSV file with the mark by which Excel knows UTF-8."
    )


class ApplicationExportSerializer(ApplicationListSerializer):
    """A line of an export: the row of the list, and what else fits in a cell."""

    class Meta(ApplicationListSerializer.Meta):
        model = Application
        fields = [
            *ApplicationListSerializer.Meta.fields[:2],
            "client_reference",
            "purpose",
            "approved_amount",
            *ApplicationListSerializer.Meta.fields[2:],
        ]
        read_only_fields = fields
