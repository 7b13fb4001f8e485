"""Shapes of figures about brokers, BDMs and branches."""

from typing import Any

from rest_framework import serializers

from applications.choices import Stage
from crm_backend.common.serializers import Serializer


class AmountField(serializers.DecimalField):
    """AUD."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=18, decimal_places=2, read_only=True, **kwargs)


class PeriodSerializer(Serializer):
    """First and last day, both inclusive; days begin at midnight UTC."""

    date_from = serializers.DateField(required=False, allow_null=True, help_text="First day, UTC.")
    date_to = serializers.DateField(required=False, allow_null=True, help_text="Last day, inclusive, UTC.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        first, last = attrs.get("date_from"), attrs.get("date_to")
        if first and last and last < first:
            raise serializers.ValidationError({"date_to": ["Must not be before date_from."]})
        return attrs


class StageFiguresSerializer(Serializer):
    """How many applications are in a stage, and what they ask for."""

    stage = serializers.ChoiceField(choices=Stage.choices, read_only=True)
    stage_display = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    amount = AmountField()


class BrokerFiguresSerializer(Serializer):
    """What a broker's applications came to; servicing adds what became of the loans."""

    total_applications = serializers.IntegerField(read_only=True)
    open_applications = serializers.IntegerField(read_only=True)
    open_amount = AmountField()
    settled_applications = serializers.IntegerField(read_only=True)
    declined_applications = serializers.IntegerField(read_only=True)
    withdrawn_applications = serializers.IntegerField(read_only=True)
    total_loan_amount = AmountField()
    average_loan_amount = AmountField(allow_null=True)
    settled_amount = AmountField()
    approval_rate = AmountField(allow_null=True, help_text="Percent.")
    settlement_rate = AmountField(allow_null=True, help_text="Percent.")
    average_days_to_settlement = AmountField(allow_null=True, help_text="Days.")
    last_application_at = serializers.DateTimeField(read_only=True, allow_null=True)
    by_stage = StageFiguresSerializer(many=True, read_only=True)
    definitions = serializers.DictField(child=serializers.CharField(), read_only=True)


class WorkloadSerializer(Serializer):
    """What somebody has at hand, and what was settled."""

    open_applications = serializers.IntegerField(read_only=True)
    open_amount = AmountField()
    settled_applications = serializers.IntegerField(read_only=True)
    settled_amount = AmountField()

    def get_fields(self) -> dict[str, Any]:
        """Who it is comes before what they have."""
        fields = super().get_fields().items()
        return dict(sorted(fields, key=lambda item: item[0] in WorkloadSerializer._declared_fields))


class PortfolioBrokerSerializer(WorkloadSerializer):
    """A broker whom a BDM works with."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.SerializerMethodField()
    company_name = serializers.CharField(read_only=True)
    applications = serializers.IntegerField(read_only=True)

    def get_name(self, row: dict[str, Any]) -> str:
        """First and last name."""
        return f"{row['first_name']} {row['last_name']}"


class StaleApplicationSerializer(Serializer):
    """An open application that does not move."""

    id = serializers.IntegerField(read_only=True)
    reference_number = serializers.CharField(read_only=True)
    stage = serializers.ChoiceField(choices=Stage.choices, read_only=True)
    stage_display = serializers.CharField(read_only=True)
    loan_amount = AmountField()
    stage_entered_at = serializers.DateTimeField(read_only=True)
    days_in_stage = serializers.IntegerField(read_only=True)


class StaleSerializer(Serializer):
    """Open applications that do not move; the ten oldest by name."""

    count = serializers.IntegerField(read_only=True)
    amount = AmountField()
    applications = StaleApplicationSerializer(many=True, read_only=True)


class CountAndAmountSerializer(Serializer):
    """How many, and AUD."""

    count = serializers.IntegerField(read_only=True)
    amount = AmountField()


class SettledPeriodsSerializer(Serializer):
    """What was settled in the running periods."""

    this_month = CountAndAmountSerializer(read_only=True)
    this_quarter = CountAndAmountSerializer(read_only=True)
    this_financial_year = CountAndAmountSerializer(read_only=True)
    all_time = CountAndAmountSerializer(read_only=True)


class PortfolioSerializer(Serializer):
    """A BDM's applications."""

    total_applications = serializers.IntegerField(read_only=True)
    open_applications = serializers.IntegerField(read_only=True)
    open_amount = AmountField()
    by_stage = StageFiguresSerializer(many=True, read_only=True)
    broker_count = serializers.IntegerField(read_only=True)
    top_brokers = PortfolioBrokerSerializer(many=True, read_only=True)
    stale = StaleSerializer(read_only=True)
    settled = SettledPeriodsSerializer(read_only=True)
    definitions = serializers.DictField(child=serializers.CharField(), read_only=True)


class TeamBdmSerializer(WorkloadSerializer):
    """A BDM of a branch."""

    id = serializers.IntegerField(source="person.pk", read_only=True)
    user = serializers.IntegerField(source="person.user_id", read_only=True)
    name = serializers.CharField(source="person.user.full_name", read_only=True)
    email = serializers.EmailField(source="person.user.email", read_only=True)
    job_title = serializers.CharField(source="person.job_title", read_only=True)
    is_active = serializers.BooleanField(source="person.is_active", read_only=True)


class TeamBrokerSerializer(WorkloadSerializer):
    """A broker of a branch."""

    id = serializers.IntegerField(source="person.pk", read_only=True)
    name = serializers.CharField(source="person.full_name", read_only=True)
    email = serializers.EmailField(source="person.email", read_only=True)
    company_name = serializers.CharField(source="person.company_name", read_only=True)
    is_active = serializers.BooleanField(source="person.is_active", read_only=True)


class BranchTeamSerializer(Serializer):
    """Who works in and with a branch."""

    bdms = TeamBdmSerializer(many=True, read_only=True)
    brokers = TeamBrokerSerializer(many=True, read_only=True)
