"""Shapes of requests for signatures, of signing, and of what providers tell."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from applications.serializers.people import KnownUserField
from applications.serializers.signatures import SignatureImageField
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from documents.choices import SignatureRequestStatus, SignerStatus
from documents.models import BUILT_IN, SignatureRequest, Signer
from documents.services.signature_requests import MAX_SIGNERS
from events.serializers import ActorSerializer
from users.choices import Role

PROVIDERS = [(BUILT_IN, "This product"), ("http", "An outside provider")]
LONGEST_DAYS = 90


class SignerSerializer(ModelSerializer):
    """Somebody who is to sign, and what they did."""

    class Meta:
        model = Signer
        fields = [
            "position",
            "user",
            "name",
            "email",
            "status",
            "viewed_at",
            "acted_at",
            "reason",
            "method",
            "record_sha256",
            "reminded_at",
        ]
        read_only_fields = fields

    @reads("user_id")
    def conceal(self, shown: dict[str, Any], instance: Signer) -> dict[str, Any]:
        """Clients read their own address only."""
        reader = self.context["request"].user
        if reader.role == Role.CLIENT and reader.pk != instance.user_id:
            shown.update(email="")
        return shown


class SignatureRequestListSerializer(ModelSerializer):
    """A request for signatures in a list."""

    title = serializers.CharField(source="document.title", read_only=True)
    application = serializers.IntegerField(source="document.application_id", read_only=True)
    created_by = ActorSerializer(read_only=True)
    signer_count = serializers.IntegerField(read_only=True)
    signed_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = SignatureRequest
        fields = [
            "id",
            "document",
            "title",
            "application",
            "status",
            "provider",
            "signer_count",
            "signed_count",
            "created_by",
            "created_at",
            "expires_at",
            "finished_at",
        ]
        read_only_fields = fields


class SignatureRequestSerializer(SignatureRequestListSerializer):
    """A request for signatures. `version` is what is signed, `signed_version` what all have signed."""

    version = serializers.IntegerField(source="version.number", read_only=True)
    sha256 = serializers.CharField(source="version.file.sha256", read_only=True)
    signed_version = serializers.IntegerField(
        source="signed_version.number", read_only=True, allow_null=True, default=None
    )
    signers = SignerSerializer(many=True, read_only=True)

    class Meta(SignatureRequestListSerializer.Meta):
        fields = [
            *SignatureRequestListSerializer.Meta.fields,
            "message",
            "in_order",
            "problem",
            "version",
            "sha256",
            "signed_version",
            "signers",
        ]
        read_only_fields = fields


class SignerInputSerializer(Serializer):
    """Somebody to sign: a user, or a name and an e-mail address."""

    user = KnownUserField(required=False, allow_null=True)
    name = serializers.CharField(required=False, max_length=200)
    email = serializers.EmailField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One or the other."""
        if attrs.get("user") is None:
            missing = [name for name in ("name", "email") if not attrs.get(name)]
            if missing:
                raise serializers.ValidationError({name: ["Needed without a user."] for name in missing})
        elif attrs.get("email"):
            raise serializers.ValidationError({"email": ["A user has an address of their own."]})
        return attrs


class SignatureRequestInputSerializer(Serializer):
    """Who is to sign, and until when."""

    signers = SignerInputSerializer(many=True, min_length=1, max_length=MAX_SIGNERS)
    message = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    provider = serializers.ChoiceField(choices=PROVIDERS, default=BUILT_IN)
    in_order = serializers.BooleanField(
        default=False, help_text="Ask each only when those before have signed, in the order of `signers`."
    )

    def validate_expires_at(self, value: Any) -> Any:
        """In the future, and not for ever."""
        if value is not None:
            days = (value - timezone.now()).total_seconds() / 86400
            if not 0 < days <= LONGEST_DAYS:
                raise serializers.ValidationError(f"Between now and {LONGEST_DAYS} days from now.")
        return value

    def validate_provider(self, value: str) -> str:
        """One that there is."""
        if value != BUILT_IN and not settings.ESIGN_URL:
            raise serializers.ValidationError("No outside provider is set up here.")
        return value


class SignInputSerializer(Serializer):
    """A signature: drawn, or the name typed; with the consent that was shown."""

    consent = serializers.BooleanField(help_text="Must be true: the signer agrees to `consent_text`.")
    signature = SignatureImageField(write_only=True, required=False)
    typed_name = serializers.CharField(required=False, max_length=200)

    def validate_consent(self, value: bool) -> bool:
        """Without it there is no signature."""
        if not value:
            raise serializers.ValidationError("Without your consent this is no signature.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Drawn or typed."""
        if ("signature" in attrs) == ("typed_name" in attrs):
            raise serializers.ValidationError({"signature": ["Either draw it or type your name."]})
        return attrs


class DeclineSerializer(Serializer):
    """Why somebody does not sign."""

    reason = serializers.CharField(max_length=500)


class LinkSerializer(Serializer):
    """The token of a signing link."""

    token = serializers.CharField(max_length=100)


class SignByLinkSerializer(LinkSerializer, SignInputSerializer):
    """A signature by link."""


class DeclineByLinkSerializer(LinkSerializer, DeclineSerializer):
    """Declining by link."""


class SigningSerializer(Serializer):
    """What somebody with a link sees: what to sign, for whom, and what to agree to."""

    name = serializers.CharField()
    email = serializers.EmailField()
    signer_status = serializers.ChoiceField(choices=SignerStatus.choices)
    status = serializers.ChoiceField(choices=SignatureRequestStatus.choices)
    title = serializers.CharField()
    file_name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    requested_by = serializers.CharField()
    lender = serializers.CharField()
    expires_at = serializers.DateTimeField()
    consent_text = serializers.CharField()


class RemindedSerializer(Serializer):
    """How many were reminded; nobody is twice within an hour."""

    reminded = serializers.IntegerField()


class CheckSerializer(Serializer):
    """One thing that was looked at."""

    name = serializers.CharField()
    is_intact = serializers.BooleanField()
    faults = serializers.ListField(child=serializers.CharField())


class VerificationSerializer(Serializer):
    """Whether everything is as it was when it was signed."""

    is_intact = serializers.BooleanField()
    checks = CheckSerializer(many=True)


class DeliverySerializer(Serializer):
    """A message of a provider. `signer` is the position that we named; `at` is when it happened."""

    event = serializers.ChoiceField(choices=["signed", "declined", "expired"])
    request = serializers.CharField(max_length=100, help_text="The provider's own id.")
    signer = serializers.IntegerField(required=False, min_value=1, max_value=MAX_SIGNERS)
    at = serializers.DateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500)
    ip_address = serializers.IPAddressField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What a signer did names the signer."""
        if attrs["event"] != "expired" and "signer" not in attrs:
            raise serializers.ValidationError({"signer": ["Who?"]})
        attrs.setdefault("at", timezone.now())
        return attrs


class ReceivedSerializer(Serializer):
    """Whether a message was new."""

    is_new = serializers.BooleanField()
