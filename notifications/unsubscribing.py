"""Links that stop one kind of mail without a login, for as long as the mail is kept."""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing

from crm_backend.common.errors import DomainError
from notifications.choices import Cadence, NotificationType

# What a link can stop, in words.
LABELS = dict([*NotificationType.choices, *Cadence.choices])
_SALT = "notifications.unsubscribe"


class UnknownLink(DomainError):
    """An unsubscribe link that is not ours, or of an account that is gone."""

    status = 404
    code = "unsubscribe_link_unknown"
    title = "Unknown link"
    default_detail = "This link is not one of ours."


@dataclass(frozen=True)
class Stop:
    """What a link stops: mail of one type of notification, or a digest, to one user."""

    user_id: int
    what: str

    @property
    def label(self) -> str:
        """What it stops, in words."""
        return LABELS[self.what]

    @property
    def token(self) -> str:
        """Signed, not secret: it can do nothing but this."""
        return signing.dumps([self.user_id, self.what], salt=_SALT)

    @property
    def one_click(self) -> str:
        """Where mail programs send the POST of RFC 8058."""
        return f"{settings.PUBLIC_URL}/api/users/unsubscribe/?token={self.token}"

    @property
    def page(self) -> str:
        """The frontend's page, for people."""
        return f"{settings.FRONTEND_URL}/unsubscribe?token={self.token}"


def stop_of(token: str) -> Stop:
    """What a link stops.

    Raises:
        UnknownLink: it was not signed here.
    """
    try:
        user_id, what = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise UnknownLink() from None
    if what not in LABELS:  # of a type that there is not any more
        raise UnknownLink()
    return Stop(user_id, what)
