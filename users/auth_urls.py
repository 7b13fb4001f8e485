"""Addresses of logins and passwords; mounted at `/api/users/auth/` and, for clients that know it
so, at `/api/auth/`.
"""

from django.urls import path

from crm_backend.common.routers import Router
from users.views import auth, profile
from users.views.sessions import OwnSessionsViewSet

router = Router()
router.register("sessions", OwnSessionsViewSet, basename="session")

urlpatterns = [
    path("login/", auth.LoginView.as_view(), name="login"),
    path("register/", auth.RegisterView.as_view(), name="register"),
    path("refresh/", auth.RefreshView.as_view(), name="token-refresh"),
    path("verify/", auth.VerifyView.as_view(), name="token-verify"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("logout-all/", auth.LogoutAllView.as_view(), name="logout-all"),
    path("password/change/", auth.PasswordChangeView.as_view(), name="password-change"),
    path("password/reset/", auth.PasswordResetView.as_view(), name="password-reset"),
    path(
        "password/reset/confirm/",
        auth.PasswordResetConfirmView.as_view(),
        name="password-reset-confirm",
    ),
    path("profile/", profile.ProfileView.as_view(), name="auth-profile"),
    *router.urls,
]
