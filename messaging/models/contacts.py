"""Whom one may write to."""

from typing import Any, ClassVar

from django.db.models import Q

from applications.models import Application
from borrowers.models import Borrower
from brokers.models import Bdm
from crm_backend.common.scoping import ScopedQuerySet, any_of, where
from users.choices import AccountStatus, Role
from users.models import User


def _reached(who: Q, user: Any) -> Q:
    return who & Q(status=AccountStatus.ACTIVE) & ~Q(pk=user.pk)


def _everybody(user: Any) -> Q:
    return _reached(Q(), user)


def _staff(user: Any) -> Q:
    return _reached(Q(role__in=(Role.ADMIN, Role.BD)), user)


def _brokers(user: Any) -> Q:
    applications = Application.objects.visible_to(user)
    return _reached(Q(broker__in=applications.values("broker")), user)


def _bdms(user: Any) -> Q:
    return _reached(Q(bdm__in=Bdm.objects.visible_to(user)), user)


def _bdms_on(user: Any) -> Q:
    applications = Application.objects.visible_to(user)
    return _reached(Q(bdm__in=applications.values("bd")), user)


def _team(user: Any) -> Q:
    return _reached(Q(pk__in=User.objects.get_queryset().visible_to(user)), user)


def _borrowers(user: Any) -> Q:
    return _reached(Q(borrowers__in=Borrower.objects.visible_to(user)), user)


ON_APPLICATIONS = where("the brokers of visible applications", _brokers)


class ContactQuerySet(ScopedQuerySet):
    """Users, by who may begin to write to whom."""

    scopes = {
        Role.ADMIN: where("everybody who is active", _everybody),
        Role.BD: any_of(
            where("the lender's staff", _staff),
            where("own branch's team", _team),
            ON_APPLICATIONS,
            where("the logins of visible borrowers", _borrowers),
        ),
        Role.BROKER: any_of(
            where("the BDMs at work", _bdms),
            where("the BDMs of visible applications", _bdms_on),
            where("the logins of visible borrowers", _borrowers),
        ),
        Role.CLIENT: any_of(ON_APPLICATIONS, where("the BDMs of visible applications", _bdms_on)),
    }


class Contact(User):
    """A user as somebody to write to: who sees it may begin a conversation with them."""

    objects: ClassVar[Any] = ContactQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        proxy = True
