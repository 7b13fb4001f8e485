"""Addresses of applications, and of the applications of others."""

from django.urls import path

from applications.views import portfolios, related, team
from applications.views.applications import ApplicationViewSet
from applications.views.partnerships import PartnershipViewSet
from applications.views.products import ProductViewSet
from applications.views.securities import SecurityViewSet
from applications.views.signatures import SignatureViewSet
from crm_backend.common.routers import Router

router = Router()
router.register("products", ProductViewSet, basename="product")
router.register("partnerships", PartnershipViewSet, basename="partnership")
router.register("applications", ApplicationViewSet, basename="application")
router.register("applications/<int:application_id>/securities", SecurityViewSet, basename="security")
router.register("applications/<int:application_id>/signature", SignatureViewSet, basename="signature")
router.register("users/team/members", team.TeamMemberViewSet, basename="team-member")

urlpatterns = [
    *router.urls,
    path(
        "brokers/<int:pk>/applications/",
        related.BrokerApplicationsViewSet.as_view({"get": "applications"}, basename="broker"),
        name="broker-applications",
    ),
    path(
        "brokers/bdms/<int:pk>/applications/",
        related.BdmApplicationsViewSet.as_view({"get": "applications"}, basename="bdm"),
        name="bdm-applications",
    ),
    path(
        "brokers/bdms/<int:pk>/portfolio/",
        portfolios.BdmPortfolioViewSet.as_view({"get": "portfolio"}, basename="bdm"),
        name="bdm-portfolio",
    ),
    path(
        "brokers/branches/<int:pk>/team/",
        portfolios.BranchTeamViewSet.as_view({"get": "team"}, basename="branch"),
        name="branch-team",
    ),
    path(
        "borrowers/<int:pk>/applications/",
        related.BorrowerApplicationsViewSet.as_view({"get": "applications"}, basename="borrower"),
        name="borrower-applications",
    ),
    path(
        "guarantors/<int:pk>/guaranteed-applications/",
        related.GuaranteedApplicationsViewSet.as_view(
            {"get": "guaranteed_applications"}, basename="guarantor"
        ),
        name="guarantor-guaranteed-applications",
    ),
]
