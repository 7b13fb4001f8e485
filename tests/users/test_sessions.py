"""What only shows below HTTP: the scheduled clean-up, the manager, the database's own rules."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.clients import PASSWORD
from tests.factories import UserFactory
from users.choices import AccountStatus, Role
from users.models import Session, User
from users.services.sessions import Client, TokenNotValid, access_token_session, session_open
from users.tasks import expired_sessions_delete

pytestmark = pytest.mark.django_db


def session_that_ended(user, **ago):
    pair = session_open(user=user, client=Client())
    session = access_token_session(pair.access)[0]
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(**ago))
    return session


def test_sessions_that_ended_long_ago_are_deleted_once():
    user = UserFactory.create()
    old = session_that_ended(user, days=30, seconds=1)
    kept = {session_that_ended(user, days=29).pk, session_that_ended(user, days=-1).pk}
    assert expired_sessions_delete() == 1
    assert set(Session.objects.values_list("pk", flat=True)) == kept
    assert old.pk not in kept
    assert expired_sessions_delete() == 0


def test_live_sessions_are_neither_revoked_nor_expired():
    user = UserFactory.create()
    session_that_ended(user, seconds=1)
    revoked = session_that_ended(user, days=-1)
    Session.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    live = session_that_ended(user, days=-1)
    assert list(Session.objects.filter(revoked_at=None, expires_at__gt=timezone.now())) == [live]


@pytest.mark.parametrize(
    "end",
    [
        lambda session: Session.objects.filter(pk=session.pk).update(revoked_at=timezone.now()),
        lambda session: Session.objects.filter(pk=session.pk).update(expires_at=timezone.now()),
        lambda session: Session.objects.filter(pk=session.pk).delete(),
        lambda session: User.objects.filter(pk=session.user_id).update(status=AccountStatus.SUSPENDED),
        lambda session: User.objects.filter(pk=session.user_id).update(token_version=7),
    ],
    ids=["revoked", "expired", "deleted", "suspended", "version"],
)
def test_an_access_token_lives_no_longer_than_its_session(end):
    pair = session_open(user=UserFactory.create(), client=Client())
    session, claims = access_token_session(pair.access)
    assert claims["user_id"] == str(session.user_id)
    end(session)
    with pytest.raises(TokenNotValid):
        access_token_session(pair.access)


def test_a_long_user_agent_is_cut():
    pair = session_open(user=UserFactory.create(), client=Client(user_agent="x" * 500))
    assert access_token_session(pair.access)[0].user_agent == "x" * 200


def test_people_are_found_by_their_address_in_any_case():
    user = UserFactory.create(email="Mia.Chen@Example.com")
    assert user.email == "mia.chen@example.com"
    assert User.objects.get_by_natural_key(" MIA.chen@example.COM ") == user
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"email": "Mia@example.com"}, "user_email_lower_case"),
        ({"role": "owner"}, "user_role_known"),
        ({"status": "gone"}, "user_status_known"),
    ],
)
def test_the_database_itself_refuses_a_bad_account(change, constraint):
    user = UserFactory.create()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**change)


def test_a_suspended_user_sees_nothing_not_even_themselves():
    user = UserFactory.create(role=Role.ADMIN, status=AccountStatus.SUSPENDED)
    assert User.objects.visible_to(user).count() == 0
