"""Addresses under `/api/users/`."""

from django.urls import include, path

from crm_backend.common.routers import Router
from users.views import accounts, api_keys, presence, profile, sessions

router = Router()
router.register("users", accounts.UserViewSet, basename="user")
router.register("users/<int:user_id>/sessions", sessions.UserSessionsViewSet, basename="user-session")
router.register("api-keys", api_keys.ApiKeyViewSet, basename="api-key")

urlpatterns = [
    path("auth/", include("users.auth_urls")),
    path("profile/", profile.ProfileView.as_view(), name="profile"),
    path("profile/update/", profile.ProfileUpdateView.as_view(), name="profile-update"),
    path("presence/", presence.PresenceView.as_view(), name="presence"),
    *router.urls,
]
