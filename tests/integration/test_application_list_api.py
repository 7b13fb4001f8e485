"""Finding applications: who sees which, filters, search, ordering, pages."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from applications.models import (
    Application,
)
from tests.factories import (
    ApplicationFactory,
    UserFactory,
)
from tests.integration.application_kit import APPLICATIONS, ids, url

pytestmark = pytest.mark.django_db


def test_each_role_sees_its_applications(world, api):
    free = ApplicationFactory.create()
    branch_only = ApplicationFactory.create(branch=world.ours.branch)
    ours, theirs = world.ours.application.pk, world.theirs.application.pk
    for role, seen in (
        ("admin", [ours, theirs, free.pk, branch_only.pk]),
        ("bd", [ours, branch_only.pk]),
        ("broker", [ours]),
        ("client", [ours]),
    ):
        caller = api(world.user(role))
        assert sorted(ids(caller.get(APPLICATIONS))) == sorted(seen), role
        for pk in (theirs, free.pk, branch_only.pk):
            assert caller.get(url(pk)).status_code == (200 if pk in seen else 404), (role, pk)


def test_a_row_of_the_list_is_flat_and_light(world, broker):
    row = broker.get(APPLICATIONS).json()["results"][0]
    assert row["broker_name"] == world.ours.broker.full_name
    assert row["bd_name"] == world.ours.bd_user.full_name
    assert row["branch_name"] == world.ours.branch.name
    assert (row["borrower_count"], row["loan_amount"], row["stage"]) == (1, "450000.00", "inquiry")
    assert not any(isinstance(value, dict | list) for value in row.values())


QUERIES = [
    ("", "cba"),
    ("stage=inquiry", "cb"),
    ("stage=settled", "a"),
    ("stage=funded", "a"),
    ("stage=nowhere", ""),
    ("application_type=smsf", "b"),
    ("application_type=boat", ""),
    ("repayment_frequency=weekly", "c"),
    ("min_loan_amount=200", "cb"),
    ("max_loan_amount=200", "ba"),
    ("min_loan_amount=150&max_loan_amount=250", "b"),
    ("min_interest_rate=6", "cb"),
    ("max_interest_rate=5.5", "a"),
    ("date_from=2021-02-01", "cb"),
    ("date_to=2021-02-01", "ba"),
    ("date_from=2021-02-01&date_to=2021-02-01", "b"),
    ("created_after=2021-02-01T00:00:00Z", "cb"),
    ("created_before=2021-02-01T00:00:00Z", "a"),
    ("search=app-bbbb", "b"),
    ("search=HOUSE", "a"),
    ("search=nothing", ""),
    ("ordering=loan_amount", "abc"),
    ("ordering=-loan_amount", "cba"),
    ("ordering=created_at", "abc"),
    ("ordering=interest_rate,-created_at", "acb"),
    ("ordering=stage_entered_at", "cba"),
    ("ordering=-reference_number", "cba"),
    ("ordering=estimated_settlement_date,reference_number", "abc"),
    ("limit=2", "cb"),
    ("limit=2&offset=2", "a"),
    ("offset=5", ""),
    ("limit=1&offset=1&ordering=created_at", "b"),
]


@pytest.fixture
def three(db):
    """a, b and c."""
    made = {}
    for number, (name, extra) in enumerate(
        {
            "a": {"purpose": "Buy a house", "stage": "settled", "interest_rate": Decimal(5)},
            "b": {"application_type": "smsf", "interest_rate": Decimal(7)},
            "c": {"repayment_frequency": "weekly", "interest_rate": Decimal(6)},
        }.items(),
        start=1,
    ):
        moment = datetime(2021, number, 1, 12, tzinfo=UTC)
        row = ApplicationFactory.create(
            loan_amount=Decimal(100 * number),
            reference_number=f"APP-{name.upper() * 8}",
            stage_entered_at=moment.replace(month=13 - number),
            **extra,
        )
        Application.objects.filter(pk=row.pk).update(created_at=moment)
        made[row.pk] = name
    return made


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_applications_are_filtered_searched_and_ordered(three, api, query, expected):
    reply = api(UserFactory.create(role="admin")).get(f"{APPLICATIONS}?{query}")
    assert "".join(three[pk] for pk in ids(reply)) == expected


def test_applications_are_found_by_their_people(world, admin):
    ours = [world.ours.application.pk]
    for query in (
        f"broker={world.ours.broker.pk}",
        f"bd={world.ours.bdm.pk}",
        f"branch={world.ours.branch.pk}",
        f"borrower={world.ours.borrower.pk}",
    ):
        assert ids(admin.get(f"{APPLICATIONS}?{query}")) == ours, query
    assert ids(admin.get(f"{APPLICATIONS}?borrower={2**31}")) == []


def test_applications_are_searched_by_the_names_of_their_people(world, admin):
    for party in (world.ours.broker, world.ours.borrower):
        for word in (party.last_name, party.email):
            assert ids(admin.get(f"{APPLICATIONS}?search={word}")) == [world.ours.application.pk], word


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("date_from=yesterday", "date_from"),
        ("date_to=2021-13-01", "date_to"),
        ("created_after=soon", "created_after"),
        ("min_loan_amount=lots", "min_loan_amount"),
        ("broker=me", "broker"),
        ("borrower=0", "borrower"),
        ("ordering=purpose", "ordering"),
        ("ordering=--loan_amount", "ordering"),
    ],
)
def test_a_malformed_filter_is_refused(admin, query, field):
    reply = admin.get(f"{APPLICATIONS}?{query}")
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_pages_by_offset_count_and_link(world, admin):
    ApplicationFactory.create_batch(23)
    first = admin.get(APPLICATIONS).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (25, 20, None)
    assert first["next"] == f"http://testserver{APPLICATIONS}?limit=20&offset=20"
    second = admin.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (5, None)
    assert len({row["id"] for page in (first, second) for row in page["results"]}) == 25
    assert len(admin.get(f"{APPLICATIONS}?limit=1000").json()["results"]) == 25


def test_a_page_has_at_most_a_hundred_rows(admin):
    ApplicationFactory.create_batch(101)
    assert len(admin.get(f"{APPLICATIONS}?limit=1000").json()["results"]) == 100


@pytest.mark.parametrize("ordering", ["", "&ordering=loan_amount", "&ordering=-loan_amount"])
def test_pages_by_cursor_are_stable_while_rows_arrive(world, admin, ordering):
    rows = [ApplicationFactory.create(loan_amount=Decimal(1 + number // 3)).pk for number in range(12)]
    page = admin.get(f"{APPLICATIONS}?cursor=&limit=5{ordering}").json()
    assert set(page) == {"next", "previous", "results"}
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        ApplicationFactory.create(loan_amount=Decimal(100) if "-" in ordering else Decimal("0.5"))
        page = admin.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    there = [*rows, world.ours.application.pk, world.theirs.application.pk]
    assert sorted(seen) == sorted(there), "none twice, none missing, and none of the new ones"


def test_a_bad_cursor_is_not_found(admin):
    reply = admin.get(f"{APPLICATIONS}?cursor=nonsense")
    assert reply.status_code == 404
    assert reply.json()["code"] == "not_found"
