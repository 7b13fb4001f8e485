"""What clients say of settled loans."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.errors import StaleVersion
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CreateMixin, ListMixin, RetrieveMixin, ScopedViewSet, UpdateMixin
from engagement.filters import ReviewFilter
from engagement.models import Review
from engagement.permissions import REVIEWS
from engagement.selectors import review_summary
from engagement.serializers.reviews import (
    HideSerializer,
    RespondSerializer,
    ReviewInputSerializer,
    ReviewSerializer,
    ReviewSummarySerializer,
    ReviewUpdateSerializer,
)
from engagement.services import reviews
from engagement.services.reviews import ReviewAnswered, ReviewHiddenBefore, ReviewWrittenBefore


def _with_names(rows: Any) -> Any:
    return rows.select_related("author", "responded_by")


class ReviewViewSet(ListMixin, RetrieveMixin, CreateMixin, UpdateMixin, ScopedViewSet):
    """Reviews of settled loans by those who borrowed; one that is not to be read is hidden, not deleted."""

    queryset = Review.objects.all()
    policy = REVIEWS
    serializer_class = ReviewSerializer
    serializer_classes = {
        "create": ReviewInputSerializer,
        "update": ReviewUpdateSerializer,
        "respond": RespondSerializer,
        "hide": HideSerializer,
    }
    querysets = {"list": _with_names, "retrieve": _with_names}
    filterset_class = ReviewFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["created_at", "rating"]
    ordering = ["-created_at"]

    @refuses(ReviewWrittenBefore)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Review an own settled loan, once; its broker and BDM are told."""
        return super().create(request, *args, **kwargs)

    @refuses(StaleVersion, ReviewAnswered)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Replace what was written, until there is a response."""
        return super().update(request, *args, **kwargs)

    @refuses(StaleVersion, ReviewAnswered)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some of what was written, until there is a response."""
        return super().partial_update(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Review:
        """Write it."""
        return reviews.review_write(author=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit it."""
        reviews.review_update(review=serializer.instance, actor=self.caller, **serializer.validated_data)

    @extend_schema(request=RespondSerializer, responses=ReviewSerializer)
    @refuses(ReviewAnswered)
    @action(detail=True, methods=["post"])
    def respond(self, request: Request, pk: int) -> Response:
        """Respond to a review, or edit one's own response; the author is told of the first.

        One of those who see it does: the loan's broker, its BDM or another of the branch, an administrator.
        """
        return self._do(request, reviews.review_respond)

    @extend_schema(request=HideSerializer, responses=ReviewSerializer)
    @refuses(ReviewHiddenBefore)
    @action(detail=True, methods=["post"])
    def hide(self, request: Request, pk: int) -> Response:
        """Hide a review from brokers and from the figures; it is kept."""
        return self._do(request, reviews.review_hide)

    def _do(self, request: Request, service: Callable[..., Review]) -> Response:
        with transaction.atomic():
            review = self.get_locked_object()
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            service(review=review, actor=self.caller, **serializer.validated_data)
            return self.detail_response(review.pk)

    @extend_schema(responses=ReviewSummarySerializer)
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """Count the visible reviews that are not hidden: average and distribution, by the list's filters."""
        rows = self.filter_queryset(self.get_queryset())
        return Response(ReviewSummarySerializer(review_summary(rows)).data)
