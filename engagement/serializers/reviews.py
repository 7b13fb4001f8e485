"""Shapes of reviews."""

from typing import Any

from rest_framework import serializers

from applications.models import Application
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField, caller_of
from engagement.models import Review
from events.serializers import ActorSerializer
from users.choices import Role


class ReviewSerializer(ModelSerializer):
    """A review; why it was hidden is for the lender's staff."""

    author = ActorSerializer(read_only=True)
    responded_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Review
        fields = [
            "id",
            "application",
            "borrower",
            "author",
            "about",
            "rating",
            "title",
            "body",
            "response",
            "responded_by",
            "responded_at",
            "hidden_reason",
            "hidden_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """The reason, where the reader is not the lender's."""
        if getattr(caller_of(self), "role", "") in (Role.CLIENT, Role.BROKER):
            return {**shown, "hidden_reason": ""}
        return shown


class ReviewUpdateSerializer(ModelSerializer):
    """What a client may edit."""

    class Meta:
        model = Review
        fields = ["about", "rating", "title", "body"]


class ReviewInputSerializer(ReviewUpdateSerializer):
    """A review of an own settled loan."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.select_related("broker", "bd"))

    class Meta(ReviewUpdateSerializer.Meta):
        fields = ["application", *ReviewUpdateSerializer.Meta.fields]


class RespondSerializer(Serializer):
    """A response to a review."""

    response = serializers.CharField(max_length=5_000)


class HideSerializer(Serializer):
    """Why a review is hidden."""

    reason = serializers.CharField(max_length=500)


class DistributionSerializer(Serializer):
    """How many reviews have so many stars."""

    rating = serializers.IntegerField()
    count = serializers.IntegerField()


class ReviewSummarySerializer(Serializer):
    """The reviews that are not hidden: how many, and their average, stars; null where there is none."""

    count = serializers.IntegerField()
    average = serializers.DecimalField(max_digits=3, decimal_places=2, allow_null=True)
    distribution = DistributionSerializer(many=True)
