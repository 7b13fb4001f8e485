"""Products."""

from applications import events
from applications.models import Product
from applications.permissions import PRODUCTS
from applications.serializers.products import ProductSerializer, ProductSummarySerializer
from crm_backend.common.viewsets import CrudViewSet
from events.viewsets import RecordedMixin


class ProductViewSet(RecordedMixin, CrudViewSet):
    """What the lender offers."""

    queryset = Product.objects.all()
    policy = PRODUCTS
    serializer_class = ProductSerializer
    serializer_classes = {"list": ProductSummarySerializer}
    record_events = events.PRODUCT
    filterset_fields = ["is_active", "is_secured"]
    search_fields = ["name", "code"]
    ordering_fields = ["name", "code", "created_at"]
    ordering = ["name"]
