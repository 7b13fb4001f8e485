"""Addresses under `/api/brokers/`. Literal ones cannot be taken for an id: ids are integers."""

from brokers.views import BdmViewSet, BranchViewSet, BrokerViewSet
from crm_backend.common.routers import Router

router = Router()
router.register("branches", BranchViewSet, basename="branch")
router.register("bdms", BdmViewSet, basename="bdm")
router.register("", BrokerViewSet, basename="broker")

urlpatterns = router.urls
