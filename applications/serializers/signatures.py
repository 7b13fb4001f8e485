"""Shapes of signatures."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.models import Signature
from applications.png import Drawing, NotASignature
from crm_backend.common.dates import validate_not_future
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer
from users.choices import Role


@extend_schema_field(
    {
        "type": "string",
        "description": "A PNG image of at most 256 KiB: base64, or a data URL (`data:image/png;base64,…`).",
        "contentMediaType": "image/png",
        "contentEncoding": "base64",
    }
)
class SignatureImageField(serializers.CharField):
    """A drawn signature."""

    def to_internal_value(self, data: Any) -> Drawing:  # type: ignore[override]
        """Decode and look at it."""
        try:
            return Drawing.read(super().to_internal_value(data))
        except NotASignature as error:
            raise serializers.ValidationError(str(error)) from None


class SignSerializer(Serializer):
    """A signature to be given."""

    signature = SignatureImageField(write_only=True)
    name = serializers.CharField(max_length=200, help_text="The signer's name as they write it.")
    signature_date = serializers.DateField(required=False, validators=[validate_not_future])


class TermsSerializer(Serializer):
    """What was agreed to: amounts in AUD, the rate in percent per annum, the term in months."""

    reference_number = serializers.CharField()
    application_type = serializers.CharField()
    product = serializers.CharField(allow_null=True)
    loan_amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    loan_term = serializers.IntegerField()
    interest_rate = serializers.DecimalField(max_digits=7, decimal_places=4)
    repayment_frequency = serializers.CharField()
    borrowers = serializers.ListField(child=serializers.CharField())


class SignatureSerializer(ModelSerializer):
    """A signature: who, when, from where, to what; its image has an address of its own."""

    signed_by = ActorSerializer(read_only=True)
    terms = TermsSerializer(read_only=True)

    class Meta:
        model = Signature
        fields = [
            "id",
            "name",
            "signature_date",
            "signed_by",
            "signed_at",
            "ip_address",
            "user_agent",
            "sha256",
            "width",
            "height",
            "terms",
        ]
        read_only_fields = fields

    @reads("signed_by_id")
    def conceal(self, shown: dict[str, Any], instance: Signature) -> dict[str, Any]:
        """From where it was signed is for the lender's staff and the signer."""
        reader = self.context["request"].user
        if reader.role not in (Role.ADMIN, Role.BD) and reader.pk != instance.signed_by_id:
            shown.update(ip_address=None, user_agent="")
        return shown
