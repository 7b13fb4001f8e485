"""The channel of an application: what its timeline shows, as it happens."""

from applications.models import Application
from integrations.registry import GuardedChannel, register
from users.models import User


def sees_application(user: User, application_id: int) -> bool:
    """Whoever sees the application; which of its events they read is for the audience of each."""
    return bool(Application.objects.visible_to(user).filter(pk=application_id).exists())


register(
    GuardedChannel("private-application-", "The timeline of an application.", may_follow=sees_application)
)
