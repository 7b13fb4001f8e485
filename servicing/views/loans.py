"""The loan of an application: settlement, schedule, payoff, changes."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.services.stage import GuardNotMet, IllegalMove
from crm_backend.common.errors import InvalidInput
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ScopedViewSet
from servicing.dates import business_date
from servicing.permissions import LOANS
from servicing.selectors.facts import Facts, read_facts
from servicing.selectors.loans import loan_detail
from servicing.selectors.payoff import payoffs
from servicing.serializers.fields import without_nulls
from servicing.serializers.loans import (
    ExtendSerializer,
    LoanSerializer,
    PayoffQuerySerializer,
    PayoffSerializer,
    PayOutSerializer,
    SettleSerializer,
    WriteOffInputSerializer,
    WriteOffSerializer,
)
from servicing.services import changes
from servicing.services.errors import LoanNotOpen, NotHeld, RefundedAlready, WrongPayoff
from servicing.services.settlement import application_settle

NOT_SETTLED = "This application has not been settled here."


@extend_schema(tags=["applications"])
class LoanViewSet(ScopedViewSet):
    """Loans, by their applications."""

    queryset = Application.objects.all()
    policy = LOANS
    serializer_class = LoanSerializer
    serializer_classes = {
        "settle": SettleSerializer,
        "extend_loan": ExtendSerializer,
        "pay_out": PayOutSerializer,
        "write_off": WriteOffInputSerializer,
    }
    filter_backends = ()
    pagination_class = None

    @extend_schema(request=SettleSerializer, responses={201: LoanSerializer})
    @touches("applications", "fees", "repayments")
    @idempotent()
    @refuses(IllegalMove, GuardNotMet)
    def settle(self, request: Request, pk: int) -> Response:
        """Disburse the approved amount: schedule, fees, opening entries and the move to settled at once."""
        application = self.get_object()
        data = self._validated()
        data["fees"] = [without_nulls(fee) for fee in data.get("fees", ())]
        with transaction.atomic():
            application_settle(application=application, actor=self.caller, **data)
            return self._loan(application, status.HTTP_201_CREATED)

    @extend_schema(responses=LoanSerializer)
    @touches("repayments")
    @refuses(LoanNotOpen)
    def schedule(self, request: Request, pk: int) -> Response:
        """Read the loan: its terms, repayments, balances and arrears."""
        return self._loan(self.get_object(), status.HTTP_200_OK)

    @extend_schema(parameters=[PayoffQuerySerializer], responses=PayoffSerializer)
    @refuses(LoanNotOpen)
    def payoff(self, request: Request, pk: int) -> Response:
        """Read what pays the loan out on a day, and on the days after it if asked for.

        Principal, interest earned by the day, and unpaid fees, less money that is held.
        """
        application = self.get_object()
        query = PayoffQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        facts = self._facts(application)
        start = query.validated_data.get("date") or business_date()
        # Terms that begin on a day to come leave the days before it as they are.
        earliest = min(facts.schedules[-1].starts_on, max(business_date(), facts.schedules[0].starts_on))
        if start < earliest:
            raise InvalidInput.field("date", f"The present terms are from {earliest} on.")
        figures = list(payoffs(facts, start, query.validated_data.get("days", 1)))
        first: Any = figures[0]
        shown = {name: getattr(first, name) for name in (*first.__dataclass_fields__, "total")}
        return Response(PayoffSerializer({**shown, "figures": figures}).data)

    @extend_schema(request=PayOutSerializer, responses={201: LoanSerializer})
    @touches("payments", "repayments")
    @idempotent()
    @refuses(LoanNotOpen, WrongPayoff, RefundedAlready)
    def pay_out(self, request: Request, pk: int) -> Response:
        """Take the payoff figure of a day, and close the loan. Another amount is 409 and names the figure."""
        return self._change(changes.loan_pay_out)

    @extend_schema(request=ExtendSerializer, responses={201: LoanSerializer})
    @touches("repayments")
    @idempotent()
    @refuses(LoanNotOpen)
    def extend_loan(self, request: Request, pk: int) -> Response:
        """Give what is left of a loan another term, rate or amount from a day on.

        What is not due by then is superseded by a new schedule; nothing is deleted.
        """
        return self._change(changes.loan_extend)

    @extend_schema(request=WriteOffInputSerializer, responses={201: WriteOffSerializer})
    @idempotent()
    @refuses(LoanNotOpen, NotHeld)
    def write_off(self, request: Request, pk: int) -> Response:
        """Give up all that is owed on a loan."""
        application = self.get_object()
        row = changes.loan_write_off(application=application, actor=self.caller, **self._validated())
        return Response(WriteOffSerializer(row).data, status=status.HTTP_201_CREATED)

    def _change(self, service: Any) -> Response:
        application = self.get_object()
        with transaction.atomic():
            service(application=application, actor=self.caller, **self._validated())
            return self._loan(application, status.HTTP_201_CREATED)

    def _validated(self) -> dict[str, Any]:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return without_nulls(serializer.validated_data)

    def _facts(self, application: Application) -> Facts:
        facts = read_facts(application)
        if facts.loan is None:
            raise LoanNotOpen(NOT_SETTLED)
        return facts

    def _loan(self, application: Application, code: int) -> Response:
        loan = loan_detail(application)
        if loan is None:
            raise LoanNotOpen(NOT_SETTLED)
        return Response(LoanSerializer(loan).data, status=code)
