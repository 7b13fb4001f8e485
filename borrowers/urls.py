"""Addresses of borrowers, what they own and owe, and guarantors."""

from borrowers.views import (
    AssetViewSet,
    BorrowerMergeViewSet,
    BorrowerViewSet,
    DuplicatePairViewSet,
    GuarantorViewSet,
    LiabilityViewSet,
)
from crm_backend.common.routers import Router

router = Router()
router.register("borrowers", BorrowerViewSet, basename="borrower")
router.register("borrowers/merges", BorrowerMergeViewSet, basename="borrower-merge")
router.register("borrowers/duplicates/pairs", DuplicatePairViewSet, basename="duplicate-pair")
router.register("borrowers/<int:borrower_id>/assets", AssetViewSet, basename="asset")
router.register("borrowers/<int:borrower_id>/liabilities", LiabilityViewSet, basename="liability")
router.register("guarantors", GuarantorViewSet, basename="guarantor")

urlpatterns = router.urls
