"""One's own account."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from users.serializers import ProfileSerializer
from users.services.accounts import user_update
from users.views.auth import OwnAccountView, validated


class ProfileView(OwnAccountView):
    """Reading it."""

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        """Read one's own account."""
        return Response(ProfileSerializer(self.caller).data)


class ProfileUpdateView(OwnAccountView):
    """Changing it."""

    @extend_schema(request=ProfileSerializer, responses=ProfileSerializer)
    def put(self, request: Request) -> Response:
        """Replace one's own account data; role, e-mail and status stay as they are."""
        return self._update(request, partial=False)

    @extend_schema(request=ProfileSerializer(partial=True), responses=ProfileSerializer)
    def patch(self, request: Request) -> Response:
        """Change some of one's own account data; role, e-mail and status stay as they are."""
        return self._update(request, partial=True)

    def _update(self, request: Request, *, partial: bool) -> Response:
        data = validated(ProfileSerializer(self.caller, data=request.data, partial=partial))
        user = user_update(user=self.caller, actor=self.caller, **data)
        return Response(ProfileSerializer(user).data)
