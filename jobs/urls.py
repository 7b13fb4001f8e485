"""Addresses of jobs."""

from crm_backend.common.routers import Router
from jobs.views import JobViewSet

router = Router()
router.register("jobs", JobViewSet, basename="job")

urlpatterns = router.urls
