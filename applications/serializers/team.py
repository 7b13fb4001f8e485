"""Shapes of the lender's team."""

from typing import Any

from rest_framework import serializers

from applications.selectors.workloads import FIGURES
from applications.serializers.portfolios import AmountField, CountAndAmountSerializer, StageFiguresSerializer
from brokers.models import Branch
from crm_backend.common.serializers import ModelSerializer, PhoneField, Serializer, VisiblePrimaryKeyField
from users.models import User
from users.serializers import UniqueEmailField


def _figures(selected: frozenset[str] | None) -> dict[str, serializers.IntegerField]:
    """What the apps above count of a member: all of it, or what was selected."""
    return {
        name: serializers.IntegerField(read_only=True, help_text=figure.definition)
        for name, figure in FIGURES.items()
        if selected is None or name in selected
    }


class TeamMemberSummarySerializer(ModelSerializer):
    """A member of staff in a list. BDM, branch and title are null for administrators."""

    name = serializers.CharField(source="full_name", read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    bdm = serializers.IntegerField(source="bdm.pk", read_only=True, allow_null=True)
    branch = serializers.IntegerField(source="bdm.branch_id", read_only=True, allow_null=True)
    branch_name = serializers.CharField(source="bdm.branch.name", read_only=True, allow_null=True)
    job_title = serializers.CharField(source="bdm.job_title", read_only=True, allow_null=True)
    open_applications = serializers.IntegerField(read_only=True)
    open_amount = AmountField()
    settled_applications_90_days = serializers.IntegerField(read_only=True)
    settled_amount_90_days = AmountField()

    class Meta:
        model = User
        fields = [
            "id",
            "name",
            "email",
            "role",
            "status",
            "is_active",
            "bdm",
            "branch",
            "branch_name",
            "job_title",
            "open_applications",
            "open_amount",
            "settled_applications_90_days",
            "settled_amount_90_days",
            "last_login",
            "created_at",
        ]
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """With the figures of other apps."""
        return {**super().get_fields(), **_figures(self.selected)}


class TeamMemberSerializer(TeamMemberSummarySerializer):
    """A member of staff in full."""

    class Meta(TeamMemberSummarySerializer.Meta):
        fields = [
            *TeamMemberSummarySerializer.Meta.fields,
            "first_name",
            "last_name",
            "phone",
            "timezone",
            "updated_at",
        ]
        read_only_fields = fields


class TeamMemberInputSerializer(ModelSerializer):
    """What may be changed: the account's data, and branch and title of a BDM."""

    email = UniqueEmailField(max_length=254)
    phone = PhoneField(required=False, allow_blank=True)
    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all(), required=False)
    job_title = serializers.CharField(max_length=100, required=False, allow_blank=True)

    class Meta:
        model = User
        fields = ["email", "first_name", "last_name", "phone", "timezone", "branch", "job_title"]


class TeamMemberCreateSerializer(TeamMemberInputSerializer):
    """A new BDM."""

    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all())
    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta(TeamMemberInputSerializer.Meta):
        fields = [*TeamMemberInputSerializer.Meta.fields, "password"]


class TeamWorkloadSerializer(Serializer):
    """What somebody has at hand."""

    open_applications = serializers.IntegerField(read_only=True)
    open_amount = AmountField()
    by_stage = StageFiguresSerializer(many=True, read_only=True)
    stale = CountAndAmountSerializer(read_only=True)
    upcoming_settlements = CountAndAmountSerializer(read_only=True)
    overdue_settlements = CountAndAmountSerializer(read_only=True)
    definitions = serializers.DictField(child=serializers.CharField(), read_only=True)

    def get_fields(self) -> dict[str, Any]:
        """With the figures of other apps, before the definitions of all."""
        fields = super().get_fields()
        definitions = fields.pop("definitions")
        return {**fields, **_figures(None), "definitions": definitions}


class TeamPerformanceSerializer(Serializer):
    """What somebody brought about in a period."""

    date_from = serializers.DateField(read_only=True, allow_null=True)
    date_to = serializers.DateField(read_only=True, allow_null=True)
    opened_applications = serializers.IntegerField(read_only=True)
    approved_applications = serializers.IntegerField(read_only=True)
    settled_applications = serializers.IntegerField(read_only=True)
    settled_amount = AmountField()
    approval_rate = AmountField(allow_null=True, help_text="Percent.")
    average_days_to_approval = AmountField(allow_null=True, help_text="Days.")
    average_days_approval_to_settlement = AmountField(allow_null=True, help_text="Days.")
    average_days_to_settlement = AmountField(allow_null=True, help_text="Days.")
    definitions = serializers.DictField(child=serializers.CharField(), read_only=True)
