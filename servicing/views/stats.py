"""Figures of a broker, under the broker's address: applications and what became of their loans."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from applications.filters import ApplicationFilter
from applications.models import Application
from applications.selectors.portfolios import broker_stats
from applications.serializers.portfolios import PeriodSerializer
from brokers.models import Broker
from brokers.permissions import BROKERS
from crm_backend.common.permissions import touches
from crm_backend.common.viewsets import ScopedViewSet
from servicing.selectors import late
from servicing.serializers.stats import BrokerStatsSerializer


class BrokerStatsViewSet(ScopedViewSet):
    """Of a broker."""

    queryset = Broker.objects.all()
    policy = BROKERS
    serializer_class = BrokerStatsSerializer
    filter_backends = ()
    pagination_class = None

    @extend_schema(parameters=[PeriodSerializer], responses=BrokerStatsSerializer)
    @touches("applications", "loans", "repayments")
    def stats(self, request: Request, pk: int) -> Response:
        """Read what a broker's applications came to, and how late their loans are.

        Over those that the caller may see and that were created in the period; `definitions` says what
        each figure means. A rate or an average of nothing is null.
        """
        broker = self.get_object()
        asked = request.query_params.dict()
        PeriodSerializer(data=asked).is_valid(raise_exception=True)
        visible = Application.objects.all().visible_to(self.caller).filter(broker=broker)
        applications = ApplicationFilter(asked, queryset=visible).qs
        figures = {**broker_stats(applications), **late.arrears_of(applications)}
        figures["definitions"] = {**figures["definitions"], **late.DEFINITIONS}
        return Response(BrokerStatsSerializer(figures).data)
