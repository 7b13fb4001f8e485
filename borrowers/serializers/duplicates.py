"""Asking for duplicates, and what is found."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from borrowers.models import Borrower, DuplicatePair
from borrowers.selectors import REASONS, Likeness
from crm_backend.common.australia import validate_abn, validate_acn
from crm_backend.common.reads import reads
from crm_backend.common.serializers import (
    DigitsField,
    ModelSerializer,
    PhoneField,
    Serializer,
    VisiblePrimaryKeyField,
    caller_of,
)
from events.serializers import ActorSerializer
from users.choices import Role

PERSON = ("first_name", "last_name", "date_of_birth")
# Those that pairs are found by.
PAIR_REASONS = [reason for reason in REASONS if reason != "company_name"]


class DuplicateQuerySerializer(Serializer):
    """What to compare with: a borrower that is there already, or values; never a tax file number.

    An address is written to logs and histories, so a tax file number is compared through `borrower` only.
    """

    borrower = VisiblePrimaryKeyField(
        queryset=Borrower.objects.all(),
        required=False,
        help_text="Compare with all that is known of this one.",
    )
    abn = DigitsField(required=False, validators=[validate_abn])
    acn = DigitsField(required=False, validators=[validate_acn])
    email = serializers.EmailField(required=False)
    phone = PhoneField(required=False)
    first_name = serializers.CharField(required=False, max_length=100)
    last_name = serializers.CharField(required=False, max_length=100)
    date_of_birth = serializers.DateField(required=False)
    company_name = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A person's name means something together with the date of birth only."""
        given = [name for name in PERSON if attrs.get(name)]
        if given and len(given) < len(PERSON):
            missing = [name for name in PERSON if name not in given]
            message = "A person is compared by both names and the date of birth together."
            raise serializers.ValidationError({name: [message] for name in missing})
        return attrs

    @property
    def likeness(self) -> Likeness:
        """What to look for."""
        values = dict(self.validated_data)
        borrower = values.pop("borrower", None)
        return Likeness(**values) if borrower is None else Likeness.of(borrower)


class DuplicateSerializer(ModelSerializer):
    """A borrower that may be the same as another one, and why."""

    display_name = serializers.CharField(read_only=True)
    reasons = serializers.SerializerMethodField()
    similarity = serializers.SerializerMethodField()

    class Meta:
        model = Borrower
        fields = ["id", "borrower_type", "display_name", "reasons", "similarity"]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(REASONS)))
    def get_reasons(self, borrower: Any) -> list[str]:
        """What is the same."""
        return [reason for reason in REASONS if getattr(borrower, f"same_{reason}", False)]

    @extend_schema_field({"type": ["number", "null"], "minimum": 0, "maximum": 1})
    def get_similarity(self, borrower: Any) -> float | None:
        """Of the names, by trigrams: 1 is equal; null where no name was compared."""
        return float(borrower.similarity) if borrower.similarity else None


class PairedBorrowerSerializer(ModelSerializer):
    """One of two who may be the same."""

    display_name = serializers.CharField(read_only=True)

    class Meta:
        model = Borrower
        fields = ["id", "borrower_type", "display_name", "email", "phone", "state", "created_at"]
        read_only_fields = fields


class DuplicatePairSerializer(ModelSerializer):
    """Two borrowers who may be the same, and why; an equal tax file number is told to administrators only."""

    first = PairedBorrowerSerializer(read_only=True)
    second = PairedBorrowerSerializer(read_only=True)
    reasons = serializers.ListField(child=serializers.ChoiceField(PAIR_REASONS), read_only=True)
    similarity = serializers.FloatField(
        read_only=True,
        allow_null=True,
        min_value=0,
        max_value=1,
        help_text="Of the names, by trigrams: 1 is equal; null where no name was compared.",
    )
    dismissed_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = DuplicatePair
        fields = [
            "id",
            "first",
            "second",
            "reasons",
            "similarity",
            "found_at",
            "dismissed_by",
            "dismissed_at",
            "dismissed_because",
        ]
        read_only_fields = fields

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Nobody learns from a pair what they may not read."""
        if getattr(caller_of(self), "role", "") == Role.ADMIN:
            return shown
        reasons = shown.get("reasons", ())  # nobody may have asked for them
        return {**shown, "reasons": [reason for reason in reasons if reason != "tax_id"]}


class DismissSerializer(Serializer):
    """Why two borrowers are not the same."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
