"""Shapes of conversations, members and messages; the socket sends the same message as REST."""

from typing import Any

from rest_framework import serializers

from applications.models import Application
from crm_backend.common.serializers import (
    ModelSerializer,
    Serializer,
    VisiblePrimaryKeyField,
    VisiblePrimaryKeysField,
)
from documents.models import Document
from events.serializers import ActorSerializer
from messaging.choices import ConversationKind, MemberRole
from messaging.models import ChatGroup, Contact, Conversation, Member, Message, MessageAttachment
from users.choices import Role


class ChatContactSerializer(ModelSerializer):
    """Somebody to write to."""

    name = serializers.CharField(source="full_name", read_only=True)

    class Meta:
        model = Contact
        fields = ["id", "name", "role"]
        read_only_fields = fields


class LatestMessageSerializer(ModelSerializer):
    """The latest message of a conversation; one that was deleted has no words."""

    author = ActorSerializer(read_only=True)

    class Meta:
        model = Message
        fields = ["id", "number", "author", "body", "created_at", "deleted_at"]
        read_only_fields = fields


class ConversationSerializer(ModelSerializer):
    """A conversation as one of its members sees it.

    `name` is what to call it: its title, the other's name of a direct one, or the application's reference.
    """

    name = serializers.CharField(read_only=True)
    other_user = serializers.IntegerField(read_only=True, allow_null=True)
    my_role = serializers.ChoiceField(choices=MemberRole.choices, read_only=True, allow_null=True)
    is_muted = serializers.BooleanField(read_only=True, allow_null=True)
    last_read_number = serializers.IntegerField(read_only=True, allow_null=True)
    unread_count = serializers.IntegerField(read_only=True, allow_null=True)
    last_message = LatestMessageSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Conversation
        fields = [
            "id",
            "kind",
            "name",
            "title",
            "application",
            "other_user",
            "is_open",
            "my_role",
            "is_muted",
            "last_number",
            "last_change",
            "last_read_number",
            "unread_count",
            "last_message",
            "active_at",
            "created_at",
        ]
        read_only_fields = fields


class GroupSerializer(ConversationSerializer):
    """A group, also an open one that the caller is not in: `my_role` and what belongs to it are null then.

    What was last written there is for those who are in it.
    """

    class Meta(ConversationSerializer.Meta):
        model = ChatGroup
        fields = [
            name
            for name in ConversationSerializer.Meta.fields
            if name not in ("application", "other_user", "last_message")
        ]
        read_only_fields = fields


class ConversationUpdateSerializer(ModelSerializer):
    """What can be changed of a conversation."""

    class Meta:
        model = Conversation
        fields = ["title", "is_open"]


class ConversationInputSerializer(ModelSerializer):
    """A conversation to begin: `direct` with one other, a `group` with a title, or about an `application`."""

    kind = serializers.ChoiceField(choices=ConversationKind.choices)
    members = VisiblePrimaryKeysField(queryset=Contact.objects.all())
    application = VisiblePrimaryKeyField(queryset=Application.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Conversation
        fields = ["kind", "members", "title", "application", "is_open"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each kind has what it is made of, and nothing else."""
        kind, errors = attrs["kind"], {}
        is_group = kind == ConversationKind.GROUP
        if kind == ConversationKind.DIRECT and len(attrs["members"]) != 1:
            errors["members"] = ["A direct conversation is with one other."]
        if kind == ConversationKind.DIRECT and attrs.get("title"):
            errors["title"] = ["A direct conversation has no title."]
        if (kind == ConversationKind.APPLICATION) != bool(attrs.get("application")):
            errors["application"] = ["This belongs to a conversation about an application, and to no other."]
        if is_group and not attrs.get("title"):
            errors["title"] = ["A group needs a title."]
        if is_group and self.context["request"].user.role == Role.CLIENT:
            errors["kind"] = ["Borrowers are not in groups."]
        if attrs.get("is_open") and not is_group:
            errors["is_open"] = ["Only groups are open."]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs


class GroupInputSerializer(ModelSerializer):
    """A group to make; who makes it owns it."""

    title = serializers.CharField(max_length=120)
    members = VisiblePrimaryKeysField(queryset=Contact.objects.all(), required=False, default=list)

    class Meta:
        model = ChatGroup
        fields = ["title", "members", "is_open"]


class ReadInputSerializer(Serializer):
    """Up to which message; all of them without one."""

    number = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False, allow_null=True)


class MuteInputSerializer(Serializer):
    """Whether to be told of messages no more."""

    is_muted = serializers.BooleanField()


class MemberSerializer(ModelSerializer):
    """Somebody in a conversation, and how far they have read."""

    user = ActorSerializer(read_only=True)

    class Meta:
        model = Member
        fields = ["id", "user", "role", "last_read_number", "read_at", "joined_at"]
        read_only_fields = fields


class MemberInputSerializer(ModelSerializer):
    """Somebody to take in."""

    user = VisiblePrimaryKeyField(queryset=Contact.objects.all())

    class Meta:
        model = Member
        fields = ["user"]


class MemberRoleSerializer(ModelSerializer):
    """What a member may do from now on."""

    role = serializers.ChoiceField(choices=MemberRole.choices)

    class Meta:
        model = Member
        fields = ["role"]


class AttachmentSerializer(ModelSerializer):
    """A document that a message shows, for those who may see it."""

    class Meta:
        model = MessageAttachment
        fields = ["document"]
        read_only_fields = fields


class ChatMessageSerializer(ModelSerializer):
    """A message. A deleted one keeps its place, without words and attachments."""

    author = ActorSerializer(read_only=True)
    attachments = AttachmentSerializer(many=True, read_only=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "conversation",
            "number",
            "change",
            "author",
            "body",
            "reply_to",
            "attachments",
            "client_id",
            "created_at",
            "edited_at",
            "deleted_at",
        ]
        read_only_fields = fields


class MessageInputSerializer(ModelSerializer):
    """A message to send: words, documents, or both. The same `client_id` again is the same message."""

    reply_to = VisiblePrimaryKeyField(queryset=Message.objects.all(), required=False, allow_null=True)
    attachments = VisiblePrimaryKeysField(queryset=Document.objects.all(), required=False, default=list)

    class Meta:
        model = Message
        fields = ["body", "reply_to", "attachments", "client_id"]


class MessageEditSerializer(ModelSerializer):
    """A message's words; one that shows documents needs none."""

    body = serializers.CharField(max_length=10_000, allow_blank=True)

    class Meta:
        model = Message
        fields = ["body"]


class ChatUnreadSerializer(Serializer):
    """How many messages of a conversation one has not read."""

    conversation = serializers.IntegerField(read_only=True)
    unread_count = serializers.IntegerField(read_only=True)


class ReadingStatusSerializer(Serializer):
    """What one has not read, all in all and by conversation, the latest first."""

    unread_count = serializers.IntegerField(read_only=True)
    conversations = ChatUnreadSerializer(many=True, read_only=True)


def message_body(message: Message) -> dict[str, Any]:
    """A message as plain JSON-able data."""
    return dict(ChatMessageSerializer(message).data)
