"""Addresses of servicing; fees and repayments are known to clients as documents."""

from typing import Any

from django.urls import URLPattern, path

from crm_backend.common.routers import Router
from servicing.views.commissions import (
    BrokerCommissionSummaryViewSet,
    BrokerCommissionViewSet,
    CommissionTermsViewSet,
    CommissionViewSet,
)
from servicing.views.fees import ApplicationFeeViewSet, FeeViewSet
from servicing.views.ledger import LedgerViewSet
from servicing.views.loans import LoanViewSet
from servicing.views.partners import (
    PartnerCommissionSummaryViewSet,
    PartnerCommissionViewSet,
    PartnershipTermsViewSet,
)
from servicing.views.payments import PaymentViewSet
from servicing.views.repayments import ApplicationRepaymentViewSet, RepaymentViewSet
from servicing.views.schedules import ScheduleViewSet
from servicing.views.stats import BrokerStatsViewSet

router = Router()
router.register("schedules", ScheduleViewSet, basename="schedule")
router.register("documents/fees", FeeViewSet, basename="fee")
router.register("documents/repayments", RepaymentViewSet, basename="repayment")
router.register("commissions", CommissionViewSet, basename="commission")
router.register(
    "partnerships/<int:partnership_id>/terms", PartnershipTermsViewSet, basename="partnership-terms"
)
router.register("commission-terms", CommissionTermsViewSet, basename="commission-terms")


def _of_application(tail: str, view: Any, name: str, **actions: str) -> URLPattern:
    return path(
        f"applications/<int:application_id>/{tail}/",
        view.as_view({**actions}, basename=name),
        name=f"application-{tail.replace('/<int:pk>/', '-').replace('/<int:pk>', '-detail')}",
    )


def _of_loan(tail: str, **actions: str) -> URLPattern:
    return path(
        f"applications/<int:pk>/{tail}/",
        LoanViewSet.as_view({**actions}, basename="loan"),
        name=f"application-{tail}",
    )


def _of_broker(tail: str, name: str, **actions: str) -> URLPattern:
    return path(
        f"brokers/<int:broker_id>/commissions/{tail}",
        BrokerCommissionViewSet.as_view({**actions}, basename="broker-commission"),
        name=f"broker-commission-{name}",
    )


def _of_partner(tail: str, name: str, **actions: str) -> URLPattern:
    return path(
        f"partnerships/<int:partnership_id>/commissions/{tail}",
        PartnerCommissionViewSet.as_view({**actions}, basename="partner-commission"),
        name=f"partner-commission-{name}",
    )


urlpatterns = [
    *router.urls,
    _of_loan("settle", post="settle"),
    _of_loan("schedule", get="schedule"),
    _of_loan("payoff", get="payoff", post="pay_out"),
    _of_loan("extend-loan", post="extend_loan"),
    _of_loan("write-off", post="write_off"),
    _of_application("fees", ApplicationFeeViewSet, "application-fee", get="list", post="create"),
    _of_application("repayments", ApplicationRepaymentViewSet, "application-repayment", get="list"),
    _of_application("payments", PaymentViewSet, "payment", get="list"),
    _of_application("payments/<int:pk>", PaymentViewSet, "payment", get="retrieve"),
    _of_application("payments/<int:pk>/reverse", PaymentViewSet, "payment", post="reverse"),
    _of_application("record-payment", PaymentViewSet, "payment", post="record_payment"),
    _of_application("refund", PaymentViewSet, "payment", post="refund"),
    _of_application("ledger", LedgerViewSet, "ledger", get="list"),
    _of_application("statement", LedgerViewSet, "ledger", get="statement"),
    path(
        "brokers/<int:pk>/stats/",
        BrokerStatsViewSet.as_view({"get": "stats"}, basename="broker"),
        name="broker-stats",
    ),
    path(
        "brokers/<int:pk>/commission-summary/",
        BrokerCommissionSummaryViewSet.as_view({"get": "commission_summary"}, basename="broker"),
        name="broker-commission-summary",
    ),
    _of_broker("", "list", get="list"),
    _of_broker("<int:pk>/", "detail", get="retrieve"),
    _of_broker("<int:pk>/mark-paid/", "mark-paid", post="mark_paid"),
    path(
        "partnerships/<int:pk>/commission-summary/",
        PartnerCommissionSummaryViewSet.as_view({"get": "commission_summary"}, basename="partnership"),
        name="partnership-commission-summary",
    ),
    _of_partner("", "list", get="list"),
    _of_partner("<int:pk>/", "detail", get="retrieve"),
    _of_partner("<int:pk>/mark-paid/", "mark-paid", post="mark_paid"),
]
