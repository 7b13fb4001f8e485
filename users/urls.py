"""Addresses under `/api/users/`."""

from django.urls import include, path

from crm_backend.common.routers import Router
from users.views import accounts, profile

router = Router()
router.register("users", accounts.UserViewSet, basename="user")

urlpatterns = [
    path("auth/", include("users.auth_urls")),
    path("profile/", profile.ProfileView.as_view(), name="profile"),
    path("profile/update/", profile.ProfileUpdateView.as_view(), name="profile-update"),
    *router.urls,
]
