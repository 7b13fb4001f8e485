"""Shapes of batches."""

from rest_framework import serializers

from applications.models import Application
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from documents.choices import DocumentKind
from documents.models import Batch, BatchFile
from events.serializers import ActorSerializer


class BatchFileSerializer(ModelSerializer):
    """One file of a batch; `document` when it was kept, `errors` when it was refused."""

    errors = serializers.ListField(child=serializers.CharField(), read_only=True)  # type: ignore[assignment]

    class Meta:
        model = BatchFile
        fields = ["position", "name", "outcome", "errors", "document"]
        read_only_fields = fields


class BatchListSerializer(ModelSerializer):
    """A batch in a list. `job` is null when that is long over."""

    created_by = ActorSerializer(read_only=True)

    class Meta:
        model = Batch
        fields = ["id", "application", "kind", "visible_to_client", "job", "created_by", "created_at"]
        read_only_fields = fields


class BatchSerializer(BatchListSerializer):
    """A batch, and what came of each file."""

    files = BatchFileSerializer(many=True, read_only=True)

    class Meta(BatchListSerializer.Meta):
        fields = [*BatchListSerializer.Meta.fields, "files"]
        read_only_fields = fields


class BatchCreateSerializer(Serializer):
    """Files to be added to an application, all of one kind: the field `files` several times."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all())
    files = serializers.ListField(child=serializers.FileField(), allow_empty=False)
    kind = serializers.ChoiceField(choices=DocumentKind.choices, required=False)
    visible_to_client = serializers.BooleanField(required=False)
