"""Addresses of borrowers and guarantors."""

from borrowers.views import BorrowerViewSet, GuarantorViewSet
from crm_backend.common.routers import Router

router = Router()
router.register("borrowers", BorrowerViewSet, basename="borrower")
router.register("guarantors", GuarantorViewSet, basename="guarantor")

urlpatterns = router.urls
