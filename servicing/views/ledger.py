"""The ledger of an application, and statements of account."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.errors import InvalidInput
from crm_backend.common.viewsets import ChildMixin, ListMixin, ScopedViewSet
from servicing.dates import business_date
from servicing.models import JournalEntry
from servicing.permissions import LEDGER
from servicing.selectors.loans import for_ledger
from servicing.selectors.statement import statement
from servicing.serializers.ledger import JournalEntrySerializer, PeriodSerializer, StatementSerializer


@extend_schema(tags=["applications"])
class LedgerViewSet(ChildMixin, ListMixin, ScopedViewSet):
    """Every entry of an application's book, latest first."""

    queryset = JournalEntry.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = LEDGER
    serializer_class = JournalEntrySerializer
    querysets = {"list": for_ledger}
    filter_backends = ()
    ordering = ["-id"]

    @extend_schema(parameters=[PeriodSerializer], responses=StatementSerializer, filters=False)
    def statement(self, request: Request, application_id: int) -> Response:
        """Read a statement of account: all that changed what is owed, in the order of value dates."""
        query = PeriodSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        start, end = query.validated_data.get("start"), query.validated_data.get("end")
        if start and start > (end or business_date()):
            raise InvalidInput.field("end" if end else "start", "The period ends before it begins.")
        return Response(StatementSerializer(statement(self.parent, start=start, end=end)).data)
