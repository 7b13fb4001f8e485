"""Who shares an application sees whether the others are there: its broker, its BDM, and its borrowers."""

from django.db.models import Exists, OuterRef, Q

from applications.models.applications import Application
from users.models import User
from users.selectors import acquainted


@acquainted
def on_shared_applications(user: User) -> Q:
    """Users on applications that the user sees."""
    visible = Application.objects.visible_to(user).order_by()
    return (
        Q(Exists(visible.filter(broker__user=OuterRef("pk"))))
        | Q(Exists(visible.filter(bd__user=OuterRef("pk"))))
        | Q(Exists(visible.filter(borrower_links__borrower__user=OuterRef("pk"))))
    )
