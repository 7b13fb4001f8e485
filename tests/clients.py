"""An HTTP client with a real login, through the whole middleware."""

from typing import Any

from rest_framework.test import APIClient

from users.models import User
from users.services.sessions import Client, TokenPair, session_open

PASSWORD = "correct horse battery staple"


class ApiClient(APIClient):
    """Speaks JSON; `tokens` are those of the user it logged in, None without one."""

    def __init__(self, user: User | None = None, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.user = user
        self.tokens: TokenPair | None = None
        if user is not None:
            self.tokens = session_open(user=user, client=Client(user_agent="tests"))
            self.use(self.tokens.access)

    def use(self, access: str) -> None:
        """Send this access token from now on."""
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
