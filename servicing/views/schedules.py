"""Instalment tables that are worked out and not kept."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.errors import InvalidInput
from crm_backend.common.viewsets import ScopedViewSet
from servicing.permissions import SCHEDULES
from servicing.schedule import ScheduleError, make_schedule
from servicing.serializers.schedules import ScheduleSerializer, TermsSerializer, as_reply, terms_of


class ScheduleViewSet(ScopedViewSet):
    """Schedules of instalments."""

    policy = SCHEDULES
    serializer_class = ScheduleSerializer
    serializer_classes = {"preview": TermsSerializer}

    @extend_schema(request=TermsSerializer, responses=ScheduleSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Work out the instalments of a loan, and keep nothing.

        A loan runs for 50 years at most. Fewer rows than instalments come back when a rounded or given
        instalment, or extra payments, repay it earlier.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            schedule = make_schedule(terms_of(serializer.validated_data))
        except ScheduleError as error:
            raise InvalidInput.field(".".join(map(str, error.path)), error.message) from None
        return Response(as_reply(schedule))
