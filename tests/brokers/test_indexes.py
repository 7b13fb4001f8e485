"""An index serves whatever people are searched, filtered and ordered by."""

from functools import reduce
from operator import or_

import pytest
from django.db import connection
from django.db.models import Q

from brokers.models import Bdm, Branch, Broker
from brokers.views import BdmViewSet, BranchViewSet, BrokerViewSet
from crm_backend.common.australia import State
from users.choices import AccountStatus, Role
from users.models import ApiKey, Session, User
from users.views.accounts import UserViewSet
from users.views.api_keys import ApiKeyViewSet

pytestmark = pytest.mark.django_db

ORDERINGS = [
    (User, "email", "users_user_email_key"),
    (User, "last_name", "user_last_name"),
    (User, "role", "user_in_role"),
    (User, "created_at", "user_created"),
    (User, "last_login", "user_last_login"),
    (Branch, "name", "brokers_branch_name_key"),
    (Branch, "code", "brokers_branch_code_key"),
    (Branch, "state", "branch_state"),
    (Branch, "created_at", "branch_created"),
    (Bdm, "created_at", "bdm_created"),
    (Broker, "last_name", "broker_last_name"),
    (Broker, "company_name", "broker_company"),
    (Broker, "email", "broker_email"),
    (Broker, "created_at", "broker_created"),
    (ApiKey, "created_at", "api_key_created"),
    (ApiKey, "last_used_at", "api_key_last_used"),
    (ApiKey, "expires_at", "api_key_expiry"),
]
FILTERS = [
    (User, {"role": "bd"}, ["-id"], "user_in_role"),
    (User, {"status": "pending"}, ["-id"], "user_in_status"),
    (Branch, {"state": "WA"}, ["id"], "branch_state"),
    (Bdm, {"branch": 1}, ["id"], "bdm_of_branch"),
    (Broker, {"branch": 1}, ["last_name", "id"], "broker_of_branch"),
    (Session, {"user": 1}, ["-last_used_at", "-id"], "session_recent"),
]
SEARCHES = [
    (UserViewSet, "user_search"),
    (BranchViewSet, "branch_search"),
    (BrokerViewSet, "broker_search"),
    (ApiKeyViewSet, "api_key_search"),
]


def plan(rows, *more):
    """How PostgreSQL would find them in a table too large to read or to sort."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "sort", "incremental_sort", *more):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    return rows.explain()


@pytest.mark.parametrize(("model", "column", "index"), ORDERINGS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_an_ordering_has_an_index(model, column, index, sign):
    ties = [] if model._meta.get_field(column).unique else [f"{sign}id"]
    assert f" {index} " in plan(model.objects.order_by(f"{sign}{column}", *ties)[:20])


@pytest.mark.parametrize(("view", "models"), [(UserViewSet, User), (BranchViewSet, Branch),
                                              (BrokerViewSet, Broker), (ApiKeyViewSet, ApiKey)])  # fmt: skip
def test_no_ordering_is_left_out(view, models):
    assert set(view.ordering_fields) == {column for model, column, _ in ORDERINGS if model is models}


@pytest.fixture
def many(db):
    """Enough rows of each for a filter to pay.

    Of an empty table every index costs the same, once PostgreSQL has looked at it.
    """
    roles, states = Role.values, AccountStatus.values
    users = User.objects.bulk_create(
        User(email=f"many{n}@example.com", role=roles[n % len(roles)], status=states[n % len(states)])
        for n in range(2000)
    )
    branches = Branch.objects.bulk_create(
        Branch(name=f"Branch {n}", code=f"B{n}", state=State.values[n % len(State.values)])
        for n in range(2000)
    )
    Bdm.objects.bulk_create(
        Bdm(user=user, branch=branches[n % 10]) for n, user in enumerate(users) if user.role == Role.BD
    )
    Broker.objects.bulk_create(
        Broker(branch=branches[n % 10], first_name="A", last_name=f"B{n}", email=user.email)
        for n, user in enumerate(users)
    )
    Session.objects.bulk_create(
        Session(user=users[n % 100], jti=f"jti{n}", expires_at=user.created_at)
        for n, user in enumerate(users)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE users_user, users_session, brokers_branch, brokers_bdm, brokers_broker")


@pytest.mark.parametrize(("model", "condition", "ordering", "index"), FILTERS)
def test_a_filter_has_an_index_in_the_lists_own_order(model, condition, ordering, index, many):
    assert f" {index} " in plan(model.objects.filter(**condition).order_by(*ordering))


@pytest.mark.parametrize(("view", "index"), SEARCHES)
def test_a_search_has_an_index(view, index):
    found = reduce(or_, (Q(**{f"{field}__icontains": "smith"}) for field in view.search_fields))
    assert f" {index} " in plan(view.queryset.model.objects.filter(found))


def test_a_search_for_bdms_uses_that_of_their_accounts():
    assert BdmViewSet.search_fields == ["user__first_name", "user__last_name", "user__email"]
    found = reduce(or_, (Q(**{f"{field}__icontains": "smith"}) for field in BdmViewSet.search_fields))
    assert " user_search " in plan(Bdm.objects.filter(found), "indexscan")
