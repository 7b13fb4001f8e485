"""The funding calculator: the loan worked out by hand in the documentation, and the edges of its rounding."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from applications.funding import FundingInput, calculate

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "funding.md"
NOTHING = dict.fromkeys(
    (
        "establishment_fee_rate", "monthly_line_fee_rate", "brokerage_fee_rate", "application_fee",
        "due_diligence_fee", "legal_fee_before_gst", "valuation_fee", "monthly_account_fee",
    ),
    Decimal(0),
)  # fmt: skip


@pytest.mark.django_db
def test_the_api_answers_what_the_document_works_out(world, api):
    text = DOCUMENT.read_text()
    given = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) \|$", text, re.MULTILINE))
    assert len(table) == 13
    application = world.ours.application
    application.loan_term = 24
    application.save()
    reply = api(world.ours.bd_user).post(f"/api/applications/{application.pk}/funding-calculation/", given)
    assert reply.status_code == 201
    assert reply.json()["result"] == table


def worked_out(amount="100.00", rate="0", term=12, security_value=None, **fees):
    terms = FundingInput(**{**NOTHING, **fees})
    return calculate(
        terms,
        loan_amount=Decimal(amount),
        interest_rate=Decimal(rate),
        loan_term=term,
        security_value=security_value,
    )


def test_half_a_cent_is_rounded_up_line_by_line():
    # 100 × 0.05 % × 1.1 = 0.055, and 0.05 before GST = 0.055: 0.06 each, not 0.11 together.
    result = worked_out(establishment_fee_rate=Decimal("0.05"), legal_fee_before_gst=Decimal("0.05"))
    assert (result.establishment_fee, result.legal_fee) == (Decimal("0.06"), Decimal("0.06"))
    assert result.total_fees == Decimal("0.12")


@pytest.mark.parametrize(
    ("amount", "rate", "interest"),
    [("108325.00", "11.17", "24199.81"), ("3896132.44", "6.25", "487016.56")],
)
def test_half_a_cent_of_interest_is_rounded_up(amount, rate, interest):
    # 108,325 × 11.17 % × 24 ÷ 12 = 24,199.805 and 3,896,132.44 × 6.25 % × 24 ÷ 12 = 487,016.555 exactly.
    result = worked_out(amount=amount, rate=rate, capped_interest_months=24)
    assert result.capped_interest == Decimal(interest)


def test_capped_interest_is_of_nine_months_unless_said():
    assert worked_out(rate="12").capped_interest == Decimal("9.00")
    assert worked_out(rate="12", capped_interest_months=0).capped_interest == Decimal("0.00")


def test_the_line_fee_is_for_the_term_unless_said():
    assert worked_out(monthly_line_fee_rate=Decimal(1)).line_fee == Decimal("12.00")
    assert worked_out(monthly_line_fee_rate=Decimal(1), line_fee_months=14).line_fee == Decimal("14.00")


def test_without_a_security_nothing_is_taken_from_one():
    assert worked_out().security_value_less_fees is None
    assert worked_out(security_value=Decimal(50)).security_value_less_fees == Decimal(50)


def test_fees_may_be_more_than_the_loan():
    assert worked_out(application_fee=Decimal("150.00")).funds_available == Decimal("-50.00")
