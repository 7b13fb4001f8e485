"""The shapes of reports, by name."""

from rest_framework import serializers

from reports.serializers.figures import Figures, money, percents
from servicing.choices import ArrearsBucket, Payee


class ComparedSerializer(Figures):
    """One figure in both periods; money and counts both as decimal strings."""

    figure = serializers.CharField()
    value = money(allow_null=True, help_text="In the period asked for.")
    previous = money(allow_null=True, help_text="In the period before.")
    change = money(allow_null=True, help_text="value - previous.")
    change_percent = percents()


class ComparisonSerializer(Figures):
    """The period of the same length just before."""

    start_date = serializers.DateField()
    end_date = serializers.DateField()
    figures = ComparedSerializer(many=True)


class ReportSerializer(Figures):
    """What every report says of itself."""

    as_of = serializers.DateTimeField(help_text="Everything that happened before this moment is counted.")
    definitions = serializers.DictField(child=serializers.CharField())


class OfDaysSerializer(ReportSerializer):
    """A report of the days that it was asked for, of a `period` too; null where it is open."""

    start_date = serializers.DateField(allow_null=True)
    end_date = serializers.DateField(allow_null=True)


class DatedSerializer(OfDaysSerializer):
    """A report that can be compared with the period before."""

    comparison = ComparisonSerializer(allow_null=True)


class PeriodVolumeSerializer(Figures):
    """What was opened in one period."""

    period = serializers.DateField(help_text="Its first day; of a week, Monday.")
    count = serializers.IntegerField()
    total_amount = money()


class BdVolumeSerializer(Figures):
    """What was opened for one BDM."""

    bd_id = serializers.IntegerField(allow_null=True)
    bd_name = serializers.CharField()
    count = serializers.IntegerField()
    total_amount = money()


class ApplicationVolumeSerializer(DatedSerializer):
    """Applications opened in a period."""

    total_applications = serializers.IntegerField()
    total_loan_amount = money()
    average_loan_amount = money(allow_null=True)
    stage_breakdown = serializers.DictField(child=serializers.IntegerField())
    type_breakdown = serializers.DictField(child=serializers.IntegerField())
    time_breakdown = PeriodVolumeSerializer(many=True)
    bd_breakdown = BdVolumeSerializer(many=True)


class ApplicationStatusSerializer(DatedSerializer):
    """What became of the applications opened in a period."""

    total_applications = serializers.IntegerField()
    total_active = serializers.IntegerField()
    total_settled = serializers.IntegerField()
    total_declined = serializers.IntegerField()
    total_withdrawn = serializers.IntegerField()
    active_by_stage = serializers.DictField(child=serializers.IntegerField())
    avg_time_in_stage = serializers.DictField(child=money(help_text=None), help_text="Days.")
    inquiry_to_approval_rate = percents()
    approval_to_settlement_rate = percents()
    overall_success_rate = percents()


class _ComplianceFigures(Figures):
    total_repayments = serializers.IntegerField()
    paid_on_time = serializers.IntegerField()
    paid_late = serializers.IntegerField()
    missed = serializers.IntegerField()
    compliance_rate = percents()
    average_days_late = money(allow_null=True, help_text="Days; null of nothing.")
    total_amount_due = money()
    total_amount_paid = money()
    payment_rate = percents()


class MonthlyComplianceSerializer(_ComplianceFigures):
    """Repayments due in one month."""

    month = serializers.DateField(help_text="Its first day.")


class RepaymentComplianceSerializer(_ComplianceFigures, DatedSerializer):
    """Repayments due in a period."""

    monthly_breakdown = MonthlyComplianceSerializer(many=True)


class _BrokerFigures(Figures):
    total_applications = serializers.IntegerField()
    total_loan_amount = money()
    settled_applications = serializers.IntegerField()
    settled_amount = money()
    declined_applications = serializers.IntegerField()
    withdrawn_applications = serializers.IntegerField()
    approval_rate = percents()
    settlement_rate = percents()
    average_days_to_settlement = money(allow_null=True, help_text="Days; null of nothing.")


class BrokerRowSerializer(_BrokerFigures):
    """One broker."""

    broker_id = serializers.IntegerField()
    broker_name = serializers.CharField()


class BrokerPerformanceSerializer(_BrokerFigures, DatedSerializer):
    """Brokers by the applications opened in a period."""

    broker_count = serializers.IntegerField()
    brokers = BrokerRowSerializer(many=True)


class PortfolioPartSerializer(Figures):
    """Open loans of one kind."""

    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    count = serializers.IntegerField()
    principal = money()


class LoanPortfolioSerializer(OfDaysSerializer):
    """The open loans as they are now."""

    total_loans = serializers.IntegerField()
    principal = money()
    interest = money()
    fees = money()
    penalties = money()
    held = money()
    total_balance = money()
    average_principal = money(allow_null=True)
    weighted_rate = percents(help_text="Percent per annum; null of nothing.")
    by_lvr = PortfolioPartSerializer(many=True)
    by_type = PortfolioPartSerializer(many=True)
    by_purpose = PortfolioPartSerializer(many=True)
    by_state = PortfolioPartSerializer(many=True)


class ArrearsBucketSerializer(Figures):
    """Open loans, and unpaid amounts, so many days past due."""

    bucket = serializers.ChoiceField(choices=ArrearsBucket.choices)
    bucket_display = serializers.CharField()
    loans = serializers.IntegerField()
    principal = money()
    amount_past_due = money()


class ArrearsAgeingSerializer(ReportSerializer):
    """The open loans by how late they are."""

    business_date = serializers.DateField()
    total_loans = serializers.IntegerField()
    total_principal = money()
    loans_in_arrears = serializers.IntegerField()
    principal_in_arrears = money()
    amount_past_due = money()
    arrears_rate = percents()
    buckets = ArrearsBucketSerializer(many=True)


class _CommissionFigures(Figures):
    total_commissions = serializers.IntegerField()
    upfront = money()
    trail = money()
    clawed_back = money()
    net = money()
    paid = money()
    payable = money()
    broker_amount = money()
    branch_amount = money()
    partner_amount = money()


class PayeeCommissionsSerializer(_CommissionFigures):
    """Commissions of brokers, with their branches, or of referral partners."""

    payee = serializers.ChoiceField(choices=Payee.choices)
    payee_display = serializers.CharField()


class MonthlyCommissionSerializer(_CommissionFigures):
    """Commissions of one month."""

    month = serializers.DateField(help_text="Its first day.")


class BrokerCommissionsSerializer(_CommissionFigures):
    """Commissions of one broker."""

    broker_id = serializers.IntegerField()
    broker_name = serializers.CharField()


class PartnerCommissionsSerializer(_CommissionFigures):
    """Commissions of one referral partner."""

    partnership_id = serializers.IntegerField()
    partner_name = serializers.CharField()


class CommissionReportSerializer(_CommissionFigures, DatedSerializer):
    """Commissions of a period."""

    monthly_breakdown = MonthlyCommissionSerializer(many=True)
    by_payee = PayeeCommissionsSerializer(many=True)
    brokers = BrokerCommissionsSerializer(many=True)
    partners = PartnerCommissionsSerializer(many=True)


SHAPES: dict[str, type[ReportSerializer]] = {
    "application-volume": ApplicationVolumeSerializer,
    "application-status": ApplicationStatusSerializer,
    "repayment-compliance": RepaymentComplianceSerializer,
    "broker-performance": BrokerPerformanceSerializer,
    "loan-portfolio": LoanPortfolioSerializer,
    "arrears-ageing": ArrearsAgeingSerializer,
    "commission": CommissionReportSerializer,
}
