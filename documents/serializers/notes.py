"""Shapes of notes and comments."""

from typing import Any

from rest_framework import serializers

from applications.models import Application
from applications.serializers.people import KnownUserField
from crm_backend.common.serializers import ModelSerializer, VisiblePrimaryKeyField
from documents.choices import NoteVisibility
from documents.models import Note, NoteComment
from events.serializers import ActorSerializer
from users.choices import Role


class NoteCommentSerializer(ModelSerializer):
    """A reply to a note."""

    author = ActorSerializer(read_only=True)

    class Meta:
        model = NoteComment
        fields = ["id", "author", "text", "created_at"]
        read_only_fields = ["created_at"]


class NoteListSerializer(ModelSerializer):
    """A note in a list."""

    author = ActorSerializer(read_only=True)
    assigned_to = ActorSerializer(read_only=True, allow_null=True)
    comment_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Note
        fields = [
            "id",
            "application",
            "author",
            "text",
            "visibility",
            "assigned_to",
            "remind_date",
            "reminded_at",
            "comment_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class NoteSerializer(NoteListSerializer):
    """A note in full."""

    comments = NoteCommentSerializer(many=True, read_only=True)

    class Meta(NoteListSerializer.Meta):
        fields = [*NoteListSerializer.Meta.fields, "comments"]
        read_only_fields = fields


class ApplicationNoteInputSerializer(ModelSerializer):
    """A note to be written. Staff's are internal unless they say otherwise, a broker's for the broker too."""

    assigned_to = KnownUserField(required=False, allow_null=True)

    class Meta:
        model = Note
        fields = ["text", "visibility", "assigned_to", "remind_date"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A broker cannot write what a broker cannot read."""
        if self.instance is not None and "visibility" not in attrs:
            return attrs
        by_broker = self.context["request"].user.role == Role.BROKER
        default = NoteVisibility.BROKER if by_broker else NoteVisibility.INTERNAL
        attrs["visibility"] = NoteVisibility(attrs.get("visibility") or default)
        if by_broker and attrs["visibility"] == NoteVisibility.INTERNAL:
            raise serializers.ValidationError({"visibility": ["Internal notes are the lender's staff's."]})
        return attrs


class NoteInputSerializer(ApplicationNoteInputSerializer):
    """A note to be written on an application."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all())

    class Meta(ApplicationNoteInputSerializer.Meta):
        fields = ["application", *ApplicationNoteInputSerializer.Meta.fields]
