"""What borrowers own and owe, the summary of it, and what happened to them, over HTTP."""

from decimal import Decimal

import pytest
from django.db import transaction

from applications.models import ApplicationBorrower
from borrowers.finances import DEFINITIONS
from borrowers.models import Asset, Liability
from events.models import Event
from events.services import emit
from tests.checks import assert_refused
from tests.events.test_dispatcher import stage_changed
from tests.factories import AssetFactory, BorrowerFactory, LiabilityFactory
from tests.integration.bodies import FEES
from tests.integration.test_borrowers_api import ids, url_of
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

ASSET = {"asset_type": "real_estate", "description": "Unit in Newtown", "value": "900000.00"}
CARD = {
    "liability_type": "credit_card",
    "lender": "Harbour Bank",
    "description": "Gold",
    "balance": "2000.00",
    "credit_limit": "10000.00",
    "monthly_repayment": "50.00",
}


def assets(borrower):
    return f"{url_of(borrower)}assets/"


def liabilities(borrower):
    return f"{url_of(borrower)}liabilities/"


# --- assets and liabilities -------------------------------------------------------------------------


def test_an_asset_is_added_read_changed_and_removed(world, api):
    client, borrower = api(world.ours.broker_user), world.ours.borrower
    made = client.post(assets(borrower), ASSET)
    assert made.status_code == 201
    url = f"{assets(borrower)}{made.json()['id']}/"
    assert made["Location"].endswith(url)
    shown = client.get(url)
    assert (shown.json(), shown["ETag"]) == (made.json(), made["ETag"])
    assert {name: shown.json()[name] for name in ASSET} == ASSET
    assert shown.json()["asset_type_display"] == "Real estate"
    assert client.patch(url, {"value": "950000.00"}).json()["value"] == "950000.00"
    assert client.put(url, {"asset_type": "shares", "value": "1.00"}).status_code == 200
    assert sorted(ids(client.get(assets(borrower)))) == sorted([world.ours.asset.pk, made.json()["id"]])
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    told = Event.objects.filter(subject_type="borrower", subject_id=borrower.pk).order_by("pk")
    story = [(event.type, event.summary, event.data["field_names"]) for event in told]
    pk = made.json()["id"]
    assert story == [
        ("borrower.holding_changed", f"Asset {pk} added.", "asset_type, description, value"),
        ("borrower.holding_changed", f"Asset {pk} changed.", "value"),
        ("borrower.holding_changed", f"Asset {pk} changed.", "asset_type, value"),
        ("borrower.holding_changed", f"Asset {pk} removed.", ""),
    ]
    assert not Event.objects.filter(data__icontains="Newtown").exists()
    assert not Event.objects.filter(data__icontains="950000").exists()


def test_a_liability_is_added_read_changed_and_removed(world, api):
    client, borrower = api(world.ours.bd_user), world.ours.borrower
    made = client.post(liabilities(borrower), CARD)
    assert made.status_code == 201
    url = f"{liabilities(borrower)}{made.json()['id']}/"
    shown = client.get(url).json()
    assert shown == made.json()
    assert {name: shown[name] for name in CARD} == CARD
    events = Event.objects.count()
    assert client.patch(url, {"balance": "2000.00"}).status_code == 200
    assert Event.objects.count() == events
    changed = client.patch(url, {"liability_type": "personal_loan", "credit_limit": None})
    assert (changed.status_code, changed.json()["credit_limit"]) == (200, None)
    assert client.delete(url).status_code == 204
    assert Event.objects.latest("pk").summary == f"Liability {shown['id']} removed."


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"asset_type": ["This field is required."], "value": ["This field is required."]}),
        ({**ASSET, "asset_type": "yacht"}, {"asset_type": ['"yacht" is not a valid choice.']}),
        ({**ASSET, "value": "-1"}, {"value": ["Ensure this value is greater than or equal to 0."]}),
        ({**ASSET, "value": ""}, {"value": ["This field may not be null."]}),
        ({**ASSET, "borrower": 1}, {"borrower": ["There is no such field here."]}),
    ],
)
def test_a_bad_asset_is_refused_by_field(world, api, body, errors):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(assets(world.ours.borrower), body)
    assert_refused(reply, 400, "invalid", **errors)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {},
            {"liability_type": ["This field is required."], "balance": ["This field is required."]},
        ),
        ({**CARD, "credit_limit": None}, {"credit_limit": ["A credit card has a limit."]}),
        ({**CARD, "liability_type": "hecs"}, {"credit_limit": ["Only a credit card has a limit."]}),
        ({**CARD, "liability_type": "debt"}, {"liability_type": ['"debt" is not a valid choice.']}),
        ({**CARD, "balance": "-0.01"}, {"balance": ["Ensure this value is greater than or equal to 0."]}),
        (
            {**CARD, "monthly_repayment": "-1"},
            {"monthly_repayment": ["Ensure this value is greater than or equal to 0."]},
        ),
    ],
)
def test_a_bad_liability_is_refused_by_field(world, api, body, errors):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(liabilities(world.ours.borrower), body)
    assert_refused(reply, 400, "invalid", **errors)


def test_a_card_cannot_lose_its_limit_later(world, api):
    card = LiabilityFactory.create(
        borrower=world.ours.borrower, liability_type="credit_card", credit_limit=Decimal(1000)
    )
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.patch(f"{liabilities(world.ours.borrower)}{card.pk}/", {"credit_limit": ""})
    assert_refused(reply, 400, "invalid", credit_limit=["A credit card has a limit."])


def test_a_client_reads_own_holdings_only(world, api):
    client, borrower = api(world.ours.client_user), world.ours.borrower
    assert ids(client.get(assets(borrower))) == [world.ours.asset.pk]
    assert ids(client.get(liabilities(borrower))) == [world.ours.liability.pk]
    with nothing_written():
        assert client.post(assets(borrower), ASSET).status_code == 403
        assert client.delete(f"{assets(borrower)}{world.ours.asset.pk}/").status_code == 403
        assert client.get(assets(world.theirs.borrower)).status_code == 404
        assert client.post(liabilities(world.theirs.borrower), CARD).status_code == 404


@pytest.mark.parametrize("role", ["bd", "broker"])
def test_the_other_sides_holdings_are_out_of_reach(world, api, role):
    client, theirs = api(world.user(role)), world.theirs
    crossed = f"{assets(world.ours.borrower)}{theirs.asset.pk}/"
    with nothing_written():
        for url in (assets(theirs.borrower), f"{assets(theirs.borrower)}{theirs.asset.pk}/", crossed):
            assert client.get(url).status_code == 404
        assert client.post(assets(theirs.borrower), ASSET).status_code == 404
        assert client.patch(crossed, {"value": "1"}).status_code == 404
        assert client.delete(crossed).status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["first", "house", "car"]),
        ("ordering=value", ["car", "first", "house"]),
        ("ordering=-value", ["house", "first", "car"]),
        ("asset_type=vehicle", ["car"]),
        ("asset_type=yacht", []),
        ("limit=1&offset=1", ["house"]),
    ],
)
def test_assets_are_filtered_and_ordered(world, api, query, expected):
    borrower = world.ours.borrower
    rows = {"first": world.ours.asset}
    rows["house"] = AssetFactory.create(borrower=borrower, asset_type="real_estate", value=Decimal(900000))
    rows["car"] = AssetFactory.create(borrower=borrower, asset_type="vehicle", value=Decimal(5))
    found = ids(api(world.admin).get(f"{assets(borrower)}?{query}"))
    by_pk = {row.pk: name for name, row in rows.items()}
    assert [by_pk[pk] for pk in found] == expected


def test_a_borrower_who_goes_takes_the_holdings_along(world, api):
    free = BorrowerFactory.create()
    asset, debt = AssetFactory.create(borrower=free), LiabilityFactory.create(borrower=free)
    assert api(world.admin).delete(url_of(free)).status_code == 204
    assert not Asset.objects.filter(pk=asset.pk).exists()
    assert not Liability.objects.filter(pk=debt.pk).exists()


# --- the financial summary ------------------------------------------------------------------------------


@pytest.fixture
def example():
    """The borrower of the worked example in docs/borrowers.md."""
    borrower = BorrowerFactory.create(
        annual_income=Decimal(120000), other_income=Decimal(12000), monthly_expenses=Decimal(4000)
    )
    AssetFactory.create(borrower=borrower, asset_type="real_estate", value=Decimal(900000))
    AssetFactory.create(borrower=borrower, value=Decimal(50000))
    for kind, balance, monthly, limit in (
        ("mortgage", 400000, 2600, None),
        ("credit_card", 2000, 50, 10000),
        ("hecs", 20000, 300, None),
    ):
        LiabilityFactory.create(
            borrower=borrower,
            liability_type=kind,
            balance=Decimal(balance),
            monthly_repayment=Decimal(monthly),
            credit_limit=limit,
        )
    return borrower


def summary_url(borrower, query=""):
    return f"{url_of(borrower)}financial-summary/{query}"


def test_the_summary_of_the_example(world, api, example):
    reply = api(world.admin).get(summary_url(example))
    assert reply.status_code == 200
    assert reply.json() == {
        "gross_annual_income": "132000.00",
        "gross_monthly_income": "11000.00",
        "monthly_expenses": "4000.00",
        "total_assets": "950000.00",
        "total_liabilities": "422000.00",
        "net_worth": "528000.00",
        "total_debt": "410000.00",
        "monthly_commitments": "3280.00",
        "debt_to_income_ratio": "3.11",
        "liabilities_to_assets_ratio": "44.42",
        "debt_service_ratio": "29.82",
        "net_monthly_surplus": "3720.00",
        "proposed_loan": None,
        "definitions": DEFINITIONS,
    }


def test_the_summary_with_a_proposed_loan(world, api, example):
    query = "?loan_amount=100000&interest_rate=6&loan_term=300"
    reply = api(world.admin).get(summary_url(example, query))
    assert reply.status_code == 200
    assert reply.json()["proposed_loan"] == {
        "loan_amount": "100000.00",
        "interest_rate": "6.0000",
        "loan_term": 300,
        "assessment_rate": "9.0000",
        "monthly_repayment": "644.30",
        "assessed_monthly_repayment": "839.20",
        "loan_to_income_ratio": "0.76",
    }
    figures = ("debt_to_income_ratio", "debt_service_ratio", "net_monthly_surplus")
    assert [reply.json()[name] for name in figures] == ["3.86", "37.45", "2880.80"]


def test_the_summary_of_a_company_is_its_balance_sheet_until_rows_are_listed(world, api):
    firm = BorrowerFactory.create(
        borrower_type="company",
        company_name="Lee",
        annual_revenue=Decimal(1000000),
        net_profit=Decimal(120000),
        total_assets=Decimal(500000),
        total_liabilities=Decimal(200000),
    )
    client = api(world.admin)
    shown = client.get(summary_url(firm)).json()
    assert (shown["gross_annual_income"], shown["total_assets"], shown["total_liabilities"]) == (
        "120000.00",
        "500000.00",
        "200000.00",
    )
    assert (shown["monthly_expenses"], shown["net_monthly_surplus"]) == ("0.00", None)
    assert (shown["monthly_commitments"], shown["debt_service_ratio"]) == (None, None)
    assert (shown["net_worth"], shown["debt_to_income_ratio"]) == ("300000.00", "1.67")
    AssetFactory.create(borrower=firm, value=Decimal(9))
    shown = client.get(summary_url(firm)).json()
    assert (shown["total_assets"], shown["total_liabilities"]) == ("9.00", "0.00")  # not one of each source
    firm.assets.all().delete()
    AssetFactory.create(borrower=firm, value=Decimal(7))
    LiabilityFactory.create(borrower=firm, balance=Decimal(3), monthly_repayment=Decimal(1))
    shown = client.get(summary_url(firm)).json()
    assert (shown["total_assets"], shown["net_worth"], shown["net_monthly_surplus"]) == (
        "7.00",
        "4.00",
        "9999.00",
    )


def test_a_company_of_which_nothing_is_known_has_nulls(world, api):
    firm = BorrowerFactory.create(borrower_type="company", company_name="Lee")
    shown = api(world.admin).get(summary_url(firm)).json()
    known = {name for name, value in shown.items() if value is not None}
    assert known == {"monthly_expenses", "definitions"}


def test_a_company_without_debts_has_no_commitments(world, api):
    firm = BorrowerFactory.create(
        borrower_type="company", company_name="Lee", net_profit=Decimal(1200), total_liabilities=Decimal(0)
    )
    shown = api(world.admin).get(summary_url(firm)).json()
    names = ("total_liabilities", "monthly_commitments", "net_monthly_surplus", "net_worth")
    assert [shown[name] for name in names] == ["0.00", "0.00", "100.00", None]


def test_a_persons_income_is_unknown_without_the_annual_one(world, api):
    person = BorrowerFactory.create(other_income=Decimal(5000))
    assert api(world.admin).get(summary_url(person)).json()["gross_annual_income"] is None


def test_a_borrower_of_whom_nothing_is_known_has_zeros_and_nulls(world, api):
    shown = api(world.admin).get(summary_url(BorrowerFactory.create())).json()
    assert {name for name, value in shown.items() if value == "0.00"} == {
        "total_assets", "total_liabilities", "net_worth", "total_debt", "monthly_commitments",
    }  # fmt: skip
    assert {name for name, value in shown.items() if value is None} == {
        "gross_annual_income", "gross_monthly_income", "monthly_expenses", "debt_to_income_ratio",
        "liabilities_to_assets_ratio", "debt_service_ratio", "net_monthly_surplus", "proposed_loan",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("loan_amount=1", ["interest_rate", "loan_term"]),
        ("loan_amount=0&interest_rate=1&loan_term=1", ["loan_amount"]),
        ("loan_amount=x&interest_rate=1&loan_term=1", ["loan_amount"]),
        ("loan_amount=NaN&interest_rate=1&loan_term=1", ["loan_amount"]),
        ("loan_amount=1&interest_rate=100.01&loan_term=1", ["interest_rate"]),
        ("loan_amount=1&interest_rate=-1&loan_term=1", ["interest_rate"]),
        ("loan_amount=1&interest_rate=1&loan_term=0", ["loan_term"]),
        ("loan_amount=1&interest_rate=1&loan_term=601", ["loan_term"]),
        ("income=1", ["income"]),
    ],
)
def test_a_bad_proposal_is_refused_by_field(world, api, query, fields):
    reply = api(world.admin).get(summary_url(world.ours.borrower, f"?{query}"))
    assert reply.status_code == 400
    assert sorted(reply.json()["errors"]) == fields


# --- the timeline ---------------------------------------------------------------------------------------


def test_the_timeline_tells_of_the_borrower_guarantors_and_visible_applications(world, api):
    borrower = world.ours.borrower
    ApplicationBorrower.objects.create(application=world.theirs.application, borrower=borrower)
    broker, other, admin = api(world.ours.broker_user), api(world.theirs.broker_user), api(world.admin)
    Event.objects.all().delete()
    assert broker.patch(url_of(borrower), {"job_title": "Baker"}).status_code == 200
    assert broker.patch(url_of(world.ours.guarantor), {"relationship": "spouse"}).status_code == 200
    assert broker.post(assets(borrower), ASSET).status_code == 201
    for side, client in ((world.ours, broker), (world.theirs, other)):
        application = f"/api/applications/{side.application.pk}/"
        assert client.patch(application, {"purpose": "A house"}).status_code == 200
    assert other.patch(url_of(world.theirs.borrower), {"job_title": "Cook"}).status_code == 200
    assert (
        broker.post(f"/api/applications/{world.ours.application.pk}/funding-calculation/", FEES).status_code
        == 201
    )
    own = ["borrower.holding_changed", "guarantor.updated", "borrower.updated"]
    url = f"{url_of(borrower)}timeline/"
    for user, expected in (
        (world.admin, ["application.funding_calculated", "application.updated", "application.updated", *own]),
        (world.ours.bd_user, ["application.funding_calculated", "application.updated", *own]),
        (world.ours.broker_user, ["application.funding_calculated", "application.updated", *own]),
        # Both applications are the client's own; what fees take is for partners.
        (world.ours.client_user, ["application.updated", "application.updated", *own]),
    ):
        rows = api(user).get(url).json()["results"]
        assert [row["type"] for row in rows if not row["type"].startswith("user.")] == expected, user.role
    assert admin.get(f"{url_of(world.theirs.borrower)}timeline/").json()["count"] == 2
    assert api(world.theirs.client_user).get(url).status_code == 404


def test_the_timeline_takes_the_indexes(world, django_assert_num_queries):
    from borrowers import selectors
    from events.registry import Audience

    with transaction.atomic():
        for _ in range(3):
            emit(
                stage_changed(),
                actor=world.admin,
                subject=world.ours.application,
                application_id=world.ours.application.pk,
            )
    with django_assert_num_queries(3):
        rows = selectors.timeline(world.ours.borrower, user=world.admin, reader=Audience.STAFF)
    with django_assert_num_queries(1):
        assert len(rows) == 3


# --- guarantors in a client's eyes ----------------------------------------------------------------------


def test_a_client_does_not_read_how_to_reach_a_guarantor(world, api):
    guarantor, ours = world.ours.guarantor, world.ours
    fields = {
        "email": "gus@example.com",
        "phone": "+61293744000",
        "street": "9 Gus St",
        "mailing_city": "Perth",
    }
    type(guarantor).objects.filter(pk=guarantor.pk).update(**fields, date_of_birth="1970-01-01")
    ours.application.guarantors.add(guarantor)
    client, broker = api(ours.client_user), api(ours.broker_user)
    urls = [
        url_of(guarantor),
        "/api/guarantors/",
        f"{url_of(ours.borrower)}guarantors/",
        f"/api/applications/{ours.application.pk}/",
        f"/api/applications/{ours.application.pk}/guarantors/",
    ]
    for url in urls:
        shown = client.get(url).content.decode()
        assert guarantor.display_name in shown, url
        for word in (*fields.values(), "1970-01-01"):
            assert word not in shown, url
        assert "gus@example.com" in broker.get(url).content.decode(), url
    shown = client.get(url_of(guarantor)).json()
    assert (shown["relationship"], shown["email"], shown["date_of_birth"]) == ("other", "", None)
