"""Addresses of borrowers and guarantors."""

from crm_backend.common.routers import Router
from borrowers.views import BorrowerViewSet, GuarantorViewSet

router = Router()
router.register("borrowers", BorrowerViewSet, basename="borrower")
router.register("guarantors", GuarantorViewSet, basename="guarantor")

urlpatterns = router.urls
