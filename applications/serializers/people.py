"""People whom one works with, as they are named in requests."""

from typing import Any

from django.db.models import Q

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.serializers import VisiblePrimaryKeyField, caller_of
from users.models import User


class KnownUserField(VisiblePrimaryKeyField):
    """A user: of those whom the caller sees, or works on an application with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=User.objects.all(), **kwargs)

    def get_queryset(self) -> Any:
        """Users whom the caller sees, and the brokers, BDMs and borrowers of visible applications."""
        caller = caller_of(self)
        if caller is None:
            return User.objects.active()
        applications = Application.objects.visible_to(caller)
        known = Q(pk__in=User.objects.get_queryset().visible_to(caller))
        known |= Q(broker__in=applications.values("broker")) | Q(bdm__in=applications.values("bd"))
        known |= Q(borrowers__in=Borrower.objects.visible_to(caller))
        return User.objects.active().filter(pk__in=User.objects.filter(known).values("pk"))
