"""Shapes of the bulk import's upload and of the export."""

from rest_framework import serializers

from applications.choices import ImportMode
from applications.models import Application
from applications.serializers.applications import ApplicationListSerializer
from crm_backend.common.serializers import Serializer


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
