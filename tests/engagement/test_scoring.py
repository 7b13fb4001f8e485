"""The score of a lead."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagement.choices import LeadSource, LeadStatus, Timeframe, Urgency
from engagement.scoring import PARTS, RULES, Facts, score

AMOUNTS = st.none() | st.decimals(0, 10**9, places=2)
TEXTS = st.sampled_from(["", "x"])
FACTS = st.builds(
    Facts,
    email=TEXTS,
    phone=TEXTS,
    company_name=TEXTS,
    state=TEXTS,
    consent_to_contact=st.booleans(),
    source=st.sampled_from(["", *LeadSource.values]),
    status=st.sampled_from(["", *LeadStatus.values]),
    submission_count=st.integers(0, 1000),
    conversation_count=st.integers(0, 1000),
    utm_campaign=TEXTS,
    landing_page=TEXTS,
    loan_amount=AMOUNTS,
    annual_income=AMOUNTS,
    deposit=AMOUNTS,
    is_decision_maker=st.none() | st.booleans(),
    application_type=TEXTS,
    purpose=TEXTS,
    timeframe=st.sampled_from(["", *Timeframe.values]),
    urgency=st.sampled_from(["", *Urgency.values]),
)
BEST = Facts(
    email="a@example.com",
    phone="+61412345678",
    company_name="Chen Pty Ltd",
    state="NSW",
    consent_to_contact=True,
    source="referral",
    status="qualified",
    submission_count=3,
    conversation_count=3,
    utm_campaign="spring",
    loan_amount=Decimal(500000),
    annual_income=Decimal(100000),
    deposit=Decimal(100000),
    is_decision_maker=True,
    application_type="residential",
    purpose="A house",
    timeframe="immediate",
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FACTS)
def test_the_breakdown_adds_up_and_every_point_is_explained(facts):
    total, parts = score(facts)
    assert 0 <= total <= 100
    assert list(parts) == list(PARTS)
    assert total == sum(part["points"] for part in parts.values())
    for part in parts.values():
        assert part["points"] == sum(line["points"] for line in part["rules"])
        assert all(0 <= line["points"] <= line["max"] and line["reason"] for line in part["rules"])


def test_the_rules_have_a_hundred_points_in_all():
    assert sum(rule.most for rule in RULES) == 100


def test_a_lead_of_whom_everything_is_known_has_all_points_once_it_has_an_appointment():
    assert score(BEST)[0] == 98
    assert score(replace(BEST, status="appointment_scheduled"))[0] == 100


def test_nothing_known_is_no_points():
    assert score(Facts())[0] == 0


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"email": ""}, 5),
        ({"phone": ""}, 7),
        ({"consent_to_contact": False}, 7),
        ({"source": "facebook_ads"}, 4),
        ({"submission_count": 2}, 2),
        ({"submission_count": 1}, 5),
        ({"submission_count": 1000}, 0),
        ({"conversation_count": 2}, 2),
        ({"conversation_count": 1}, 4),
        ({"conversation_count": 0}, 6),
        ({"conversation_count": 1000}, 0),
        ({"deposit": Decimal(99999)}, 3),
        ({"deposit": Decimal(49999)}, 6),
        ({"deposit": None}, 8),
        ({"annual_income": Decimal(83333)}, 3),
        ({"annual_income": None}, 7),
        ({"is_decision_maker": None}, 10),
        ({"is_decision_maker": False}, 10),
        ({"loan_amount": None}, 16),
        ({"timeframe": "six_months"}, 7),
        ({"timeframe": "later", "urgency": "urgent"}, 4),
    ],
)
def test_each_thing_has_its_points(change, lost):
    assert score(BEST)[0] - score(replace(BEST, **change))[0] == lost
