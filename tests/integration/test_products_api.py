"""Products over HTTP, and what they mean for applications."""

from typing import Any

import pytest

from applications.models import Product
from applications.serializers.products import FEES
from tests.checks import assert_refused, event_types
from tests.factories import ProductFactory, SecurityFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/products/"
APPLICATIONS = "/api/applications/"
TERMS = {"loan_amount": "450000.00", "loan_term": 24, "interest_rate": "9.5000"}
BRIDGING: dict[str, Any] = {
    "name": "Bridging",
    "code": "BRIDGE-24",
    "description": "Short loans against property.",
    "application_types": ["residential", "commercial"],
    "repayment_frequencies": ["monthly", "quarterly"],
    "default_repayment_frequency": "quarterly",
    "min_loan_amount": "100000.00",
    "max_loan_amount": "2000000.00",
    "min_loan_term": 3,
    "max_loan_term": 24,
    "min_interest_rate": "8.0000",
    "max_interest_rate": "14.5000",
    "max_loan_to_value_ratio": "70.00",
    "repayment_method": "interest_only",
    "day_count": "act_365",
    "rounding": "half_even",
    "fees": {
        "establishment_fee_rate": "1.5000",
        "capped_interest_months": 6,
        "monthly_line_fee_rate": "0.1000",
        "line_fee_months": 14,
        "brokerage_fee_rate": "1.0000",
        "application_fee": "500.00",
        "due_diligence_fee": "0.00",
        "legal_fee_before_gst": "1000.00",
        "valuation_fee": "600.00",
        "monthly_account_fee": "10.00",
        "working_fee": "0.00",
    },
}


@pytest.fixture
def bridging(admin):
    made = admin.post(PRODUCTS, BRIDGING)
    assert made.status_code == 201
    return Product.objects.get(pk=made.json()["id"])


def test_a_product_is_made_read_changed_and_removed(admin):
    made = admin.post(PRODUCTS, BRIDGING)
    assert made.status_code == 201
    one = f"{PRODUCTS}{made.json()['id']}/"
    shown = admin.get(one).json()
    assert shown == made.json()
    assert {name: shown[name] for name in BRIDGING} == BRIDGING
    assert shown["day_count_display"] == "ACT/365F"
    assert (shown["is_active"], shown["is_secured"], shown["instalment_multiple"]) == (True, True, None)
    changed = admin.patch(one, {"fees": {"application_fee": "650.00"}, "max_loan_amount": ""})
    assert changed.json()["fees"] == {**BRIDGING["fees"], "application_fee": "650.00"}
    assert changed.json()["max_loan_amount"] is None
    assert admin.delete(one).status_code == 204
    assert admin.get(one).status_code == 404
    assert event_types()[-3:] == ["product.created", "product.updated", "product.deleted"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (
            {"min_loan_amount": "2000000.01"},
            "max_loan_amount",
            "The maximum is below the minimum of 2000000.01.",
        ),
        ({"min_loan_term": 25}, "max_loan_term", "The maximum is below the minimum of 25."),
        ({"max_interest_rate": "7"}, "max_interest_rate", "The maximum is below the minimum of 8.0000."),
        (
            {"default_repayment_frequency": "weekly"},
            "default_repayment_frequency",
            "This is not one of the allowed frequencies.",
        ),
        ({"code": "bridge"}, "code", "Capitals, digits and hyphens only."),
        ({"max_loan_term": 601}, "max_loan_term", "Ensure this value is less than or equal to 600."),
        ({"min_loan_amount": "0"}, "min_loan_amount", "Ensure this value is greater than or equal to 0.01."),
    ],
)
def test_a_product_that_contradicts_itself_is_refused(admin, bridging, change, field, message):
    with nothing_written():
        replies = [
            admin.post(PRODUCTS, {**BRIDGING, "name": "Other", "code": "OTHER", **change}),
            admin.patch(f"{PRODUCTS}{bridging.pk}/", change),
        ]
    for reply in replies:
        assert_refused(reply, 400, "invalid", **{field: [message]})


def test_a_name_and_a_code_are_taken_once(admin, bridging):
    with nothing_written():
        reply = admin.post(PRODUCTS, {"name": "Bridging", "code": "BRIDGE-24"})
    assert sorted(reply.json()["errors"]) == ["code", "name"]


def test_what_is_not_on_offer_is_the_administrators_to_see(world, api, admin):
    retired = world.retired_product
    assert retired.pk in [row["id"] for row in admin.get(PRODUCTS).json()["results"]]
    for user in world.ours.users.values():
        client = api(user)
        assert [row["id"] for row in client.get(PRODUCTS).json()["results"]] == [world.product.pk]
        assert client.get(f"{PRODUCTS}{retired.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"), [("is_active=false", 1), ("is_secured=false", 0), ("search=p-", 2), ("search=zz", 0)]
)
def test_products_are_filtered_and_searched(admin, query, found):
    ProductFactory.reset_sequence(0, force=True)
    assert admin.get(f"{PRODUCTS}?{query}").json()["count"] == found


def test_a_product_in_use_is_kept(world, admin):
    world.ours.application.product = world.product
    world.ours.application.save()
    with nothing_written():
        assert_refused(admin.delete(f"{PRODUCTS}{world.product.pk}/"), 409, "conflict")


# --- applications of a product ------------------------------------------------------------------


def test_an_application_takes_the_usual_frequency_of_its_product(broker, bridging):
    made = broker.post(APPLICATIONS, {**TERMS, "product": bridging.pk})
    assert made.status_code == 201
    assert made.json()["product"] == {"id": bridging.pk, "name": "Bridging"}
    assert made.json()["repayment_frequency"] == "quarterly"
    asked = broker.post(APPLICATIONS, {**TERMS, "product": bridging.pk, "repayment_frequency": "monthly"})
    assert asked.json()["repayment_frequency"] == "monthly"
    rows = broker.get(f"{APPLICATIONS}?product={bridging.pk}").json()["results"]
    assert [row["product_name"] for row in rows] == ["Bridging", "Bridging"]


UNSAID = "Neither the request nor the product gives this."
OUTSIDE = [
    ({"loan_amount": "99999.99"}, "loan_amount", "Bridging starts at 100,000.00 AUD."),
    ({"loan_amount": "2000000.01"}, "loan_amount", "Bridging goes up to 2,000,000.00 AUD."),
    ({"loan_term": 2}, "loan_term", "Bridging starts at 3 months."),
    ({"loan_term": 25}, "loan_term", "Bridging goes up to 24 months."),
    ({"interest_rate": "7.9999"}, "interest_rate", "Bridging starts at 8 % a year."),
    ({"interest_rate": "14.5001"}, "interest_rate", "Bridging goes up to 14.5 % a year."),
    ({"application_type": "smsf"}, "application_type", "Bridging is for: Residential, Commercial."),
    ({"repayment_frequency": "weekly"}, "repayment_frequency", "Bridging is for: Monthly, Quarterly."),
]


@pytest.mark.parametrize(("change", "field", "message"), OUTSIDE)
def test_terms_outside_the_product_are_refused_by_field(broker, bridging, change, field, message):
    made = broker.post(APPLICATIONS, {**TERMS, "product": bridging.pk}).json()
    body = {**TERMS, **change, "product": bridging.pk}
    with nothing_written():
        replies = [
            broker.post(APPLICATIONS, body),
            broker.post(f"{APPLICATIONS}create-with-cascade/", {**body, "borrowers": []}),
            broker.post(f"{APPLICATIONS}validate-schema/", body),
            broker.patch(f"{APPLICATIONS}{made['id']}/", change),
        ]
    for reply in replies:
        assert_refused(reply, 400, "invalid", **{field: [message]})


def test_the_limits_themselves_are_inside(broker, bridging):
    for terms in (("100000.00", 3, "8"), ("2000000.00", 24, "14.5")):
        body = dict(zip(TERMS, terms, strict=True))
        assert broker.post(APPLICATIONS, {**body, "product": bridging.pk}).status_code == 201


def test_the_approved_amount_keeps_to_the_product_too(world, admin, broker, bridging):
    made = broker.post(APPLICATIONS, {**TERMS, "product": bridging.pk}).json()
    with nothing_written():
        reply = admin.patch(f"{APPLICATIONS}{made['id']}/", {"approved_amount": "2500000"})
    assert_refused(reply, 400, "invalid", approved_amount=["Bridging goes up to 2,000,000.00 AUD."])


def test_narrower_limits_leave_what_was_agreed_alone_until_it_is_changed(broker, bridging):
    one = f"{APPLICATIONS}{broker.post(APPLICATIONS, {**TERMS, 'product': bridging.pk}).json()['id']}/"
    Product.objects.filter(pk=bridging.pk).update(max_loan_amount=200000, is_active=False)
    assert broker.patch(one, {"purpose": "The same house."}).status_code == 200
    with nothing_written():
        reply = broker.patch(one, {"loan_amount": "460000"})
    assert_refused(reply, 400, "invalid", loan_amount=["Bridging goes up to 200,000.00 AUD."])


def test_a_product_that_is_not_on_offer_cannot_be_chosen(world, admin, broker):
    body = {**TERMS, "product": world.retired_product.pk}
    with nothing_written():
        hidden = broker.post(APPLICATIONS, body)
        known = admin.post(APPLICATIONS, body)
    message = f'Invalid pk "{world.retired_product.pk}" - object does not exist.'
    assert_refused(hidden, 400, "invalid", product=[message])
    message = f"{world.retired_product.name} is not on offer any more."
    assert_refused(known, 400, "invalid", product=[message])


# --- approval -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "secured", "value", "status", "missing"),
    [
        ("70.00", True, "642810.00", 409, "its LVR is 70.01 %, where Bridging allows 70.00 %"),
        ("70.00", True, "642857.15", 200, ""),
        (None, True, "1.00", 200, ""),
        ("70.00", True, None, 409, "it needs a security with a value"),
        ("70.00", False, None, 200, ""),
    ],
)
def test_formal_approval_looks_at_the_security(world, api, bridging, limit, secured, value, status, missing):
    Product.objects.filter(pk=bridging.pk).update(max_loan_to_value_ratio=limit, is_secured=secured)
    application = world.ours.application
    application.product, application.stage = bridging, "valuation_received"
    application.save()
    application.securities.all().delete()
    if value:
        SecurityFactory.create(application=application, value="1.00", valuation_amount=value)
    reply = api(world.ours.bd_user).put(
        f"{APPLICATIONS}{application.pk}/stage/", {"stage": "formal_approval"}
    )
    assert reply.status_code == status, reply.json()
    if missing:
        assert reply.json()["missing"] == [missing]


def approved(world, product, **fields):
    """Our application as it stands after formal approval of a product."""
    application = world.ours.application
    application.product, application.stage = product, "formal_approval"
    for name, value in fields.items():
        setattr(application, name, value)
    application.save()
    return application


@pytest.mark.parametrize("stage", ["loan_docs_instructed", "settlement_conditions"])
def test_who_skips_the_approval_skips_nothing_of_it(world, api, bridging, stage):
    application = approved(world, bridging, stage="valuation_received")
    bd = api(world.ours.bd_user)
    with nothing_written():
        reply = bd.put(f"{APPLICATIONS}{application.pk}/stage/", {"stage": stage, "reason": "In a hurry."})
    assert reply.status_code == 409
    assert reply.json()["missing"] == ["its LVR is 75.00 %, where Bridging allows 70.00 %"]


def test_the_way_back_leads_through_the_same_gate(world, api, bridging):
    application = approved(world, bridging, stage="more_info_required", came_from="formal_approval")
    bd = api(world.ours.bd_user)
    with nothing_written():
        reply = bd.put(f"{APPLICATIONS}{application.pk}/stage/", {"stage": "formal_approval"})
    assert reply.status_code == 409


def test_what_was_approved_cannot_be_edited_out_of_its_approval(world, api, bridging):
    Product.objects.filter(pk=bridging.pk).update(max_loan_to_value_ratio="80.00", max_loan_term=None)
    bridging.refresh_from_db()
    application = approved(world, bridging)
    bd, one = api(world.ours.bd_user), f"{APPLICATIONS}{application.pk}/"
    security = f"{one}securities/{world.ours.security.pk}/"
    over = "This application is approved: its LVR is 83.33 %, where Bridging allows 80.00 %."
    with nothing_written():
        replies = [
            bd.patch(one, {"loan_amount": "500000.00"}),
            bd.patch(one, {"approved_amount": "500000.00"}),
            bd.patch(security, {"value": "540000.00"}),
        ]
        gone = bd.delete(security)
    for reply in replies:
        assert assert_refused(reply, 409, "conflict")["detail"] == over
    assert gone.json()["detail"] == "This application is approved: it needs a security with a value."
    assert bd.patch(one, {"loan_amount": "480000.00"}).status_code == 200


def test_the_ratio_is_of_the_amount_that_was_approved(world, api, bridging):
    application = world.ours.application
    application.approved_amount = "300000.00"
    application.save()
    shown = api(world.ours.bd_user).get(f"{APPLICATIONS}{application.pk}/").json()
    assert shown["loan_to_value_ratio"] == "50.00"
    assert shown["securities"][0]["loan_to_value_ratio"] == "50.00"


def test_a_ratio_as_large_as_can_be_is_shown(world, admin):
    body = {**TERMS, "loan_amount": "999999999999.99"}
    body["securities"] = [{"security_type": "other", "value": "0.01"}]
    assert admin.post(f"{APPLICATIONS}validate-schema/", body).status_code == 200
    made = admin.post(f"{APPLICATIONS}create-with-cascade/", body)
    assert made.json()["loan_to_value_ratio"] == "9999999999999900.00"


def test_what_is_there_may_be_sent_back_by_those_who_cannot_see_it(world, api, broker):
    application = world.ours.application
    application.product, application.bd = world.retired_product, world.theirs.bdm
    application.save()
    one = f"{APPLICATIONS}{application.pk}/"
    body = {**TERMS, "product": world.retired_product.pk, "bd": world.theirs.bdm.pk}
    assert api(world.ours.bd_user).put(one, body).status_code == 200
    assert broker.put(one, {**body, "loan_term": 240}).status_code == 200


# --- fees ---------------------------------------------------------------------------------------


def test_the_calculator_takes_what_is_left_out_from_the_product(world, broker, bridging):
    application = world.ours.application
    application.product = bridging
    application.save()
    address = f"{APPLICATIONS}{application.pk}/funding-calculation/"
    usual = broker.post(address, {})
    assert usual.status_code == 201
    assert usual.json()["input"] == BRIDGING["fees"]
    # 450,000 at 0.1 % a month for the product's 14 months, not for the loan's 360.
    assert usual.json()["result"]["line_fee"] == "6300.00"
    own = broker.post(address, {"line_fee_months": 12, "application_fee": "0"})
    assert own.json()["result"]["line_fee"] == "5400.00"
    assert own.json()["result"]["application_fee"] == "0.00"


def test_without_a_product_every_fee_is_needed(world, broker):
    with nothing_written():
        reply = broker.post(f"{APPLICATIONS}{world.ours.application.pk}/funding-calculation/", {})
        nested = broker.post(
            f"{APPLICATIONS}create-with-cascade/",
            {**TERMS, "funding_calculation_input": {"valuation_fee": 1}},
        )
    needed = set(FEES) - {"capped_interest_months", "line_fee_months", "working_fee"}
    assert_refused(reply, 400, "invalid", **{name: [UNSAID] for name in needed})
    inner = {name: [UNSAID] for name in needed - {"valuation_fee"}}
    assert_refused(nested, 400, "invalid", funding_calculation_input=inner)
