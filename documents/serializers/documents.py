"""Shapes of documents and their versions."""

from rest_framework import serializers

from applications.models import Application
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from documents.models import Document, DocumentVersion
from events.serializers import ActorSerializer


class DocumentVersionSerializer(ModelSerializer):
    """A version. `pages`, and whether there is a thumbnail, are known when it is `ready`; size in bytes."""

    content_type = serializers.CharField(source="file.content_type", read_only=True)
    size = serializers.IntegerField(source="file.size", read_only=True)
    sha256 = serializers.CharField(source="file.sha256", read_only=True)
    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = DocumentVersion
        fields = [
            "number",
            "name",
            "note",
            "content_type",
            "size",
            "sha256",
            "status",
            "pages",
            "has_thumbnail",
            "problem",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class DocumentListSerializer(ModelSerializer):
    """A document in a list, with its current version; null when the only one is quarantined."""

    current = DocumentVersionSerializer(read_only=True, allow_null=True)
    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Document
        fields = [
            "id",
            "application",
            "kind",
            "title",
            "visible_to_client",
            "current",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class DocumentSerializer(DocumentListSerializer):
    """A document."""

    class Meta(DocumentListSerializer.Meta):
        fields = [*DocumentListSerializer.Meta.fields, "description"]
        read_only_fields = fields


class DocumentDuplicateSerializer(Serializer):
    """A version of another document with the very same content."""

    document = serializers.IntegerField(source="document_id", read_only=True)
    title = serializers.CharField(source="document.title", read_only=True)
    application = serializers.IntegerField(source="document.application_id", read_only=True)
    number = serializers.IntegerField(read_only=True)


class DocumentCreatedSerializer(DocumentSerializer):
    """A new document, and visible ones of the same content."""

    duplicates = DocumentDuplicateSerializer(many=True, read_only=True)

    class Meta(DocumentSerializer.Meta):
        fields = [*DocumentSerializer.Meta.fields, "duplicates"]
        read_only_fields = fields


class DocumentInputSerializer(ModelSerializer):
    """What is said of a document."""

    class Meta:
        model = Document
        fields = ["kind", "title", "description", "visible_to_client"]


class UploadSerializer(DocumentInputSerializer):
    """A document to be added; without a title it is called like its file."""

    file = serializers.FileField()
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)

    class Meta(DocumentInputSerializer.Meta):
        fields = ["file", *DocumentInputSerializer.Meta.fields]


class DocumentCreateSerializer(UploadSerializer):
    """A document to be added to an application."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all())

    class Meta(UploadSerializer.Meta):
        fields = ["application", *UploadSerializer.Meta.fields]


class VersionCreateSerializer(ModelSerializer):
    """A version to be added."""

    file = serializers.FileField()

    class Meta:
        model = DocumentVersion
        fields = ["file", "note"]
