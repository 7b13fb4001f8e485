"""Addresses under `/api/realtime/`."""

from crm_backend.common.routers import Router
from integrations.views import RealtimeViewSet

router = Router()
router.register("realtime", RealtimeViewSet, basename="realtime")

urlpatterns = router.urls
