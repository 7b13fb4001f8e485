"""The figures of a financial summary, by hand."""

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from borrowers.finances import (
    DEFINITIONS,
    Debt,
    Position,
    Proposal,
    ProposedLoan,
    Summary,
    monthly_instalment,
    ratio,
    summarise,
)

D = Decimal
MORTGAGE = Debt(balance=D("400000.00"), monthly_repayment=D("2600.00"))
CARD = Debt(balance=D("2000.00"), monthly_repayment=D("50.00"), credit_limit=D("10000.00"))
STUDY = Debt(balance=D("20000.00"), monthly_repayment=D("300.00"), is_study_loan=True)
# The example of docs/borrowers.md.
POSITION = Position(
    annual_income=D("132000.00"),
    monthly_expenses=D("4000.00"),
    assets=D("950000.00"),
    debts=(MORTGAGE, CARD, STUDY),
)
LOAN = Proposal(loan_amount=D("100000.00"), interest_rate=D("6.0000"), loan_term=300)
NOTHING = Position(annual_income=None, monthly_expenses=None, assets=D("0.00"), debts=())


def test_the_example_without_a_proposed_loan():
    assert summarise(POSITION) == Summary(
        gross_annual_income=D("132000.00"),
        gross_monthly_income=D("11000.00"),
        monthly_expenses=D("4000.00"),
        total_assets=D("950000.00"),
        total_liabilities=D("422000.00"),
        net_worth=D("528000.00"),
        total_debt=D("410000.00"),  # 400,000 + the card's limit
        monthly_commitments=D("3280.00"),  # 2,600 + 3.8 % of 10,000 + 300
        debt_to_income_ratio=D("3.11"),  # 410,000 / 132,000
        liabilities_to_assets_ratio=D("44.42"),  # 422,000 / 950,000
        debt_service_ratio=D("29.82"),  # 3,280 / 11,000
        net_monthly_surplus=D("3720.00"),  # 11,000 − 4,000 − 3,280
        proposed_loan=None,
    )


def test_the_example_with_a_proposed_loan():
    summary = summarise(POSITION, LOAN)
    assert summary.proposed_loan == ProposedLoan(
        loan_amount=D("100000.00"),
        interest_rate=D("6.0000"),
        loan_term=300,
        assessment_rate=D("9.0000"),
        monthly_repayment=D("644.30"),  # of 100,000 over 25 years: published tables have 6.4430 per 1,000
        assessed_monthly_repayment=D("839.20"),  # at 9 %: 8.3920 per 1,000
        loan_to_income_ratio=D("0.76"),
    )
    assert summary.debt_to_income_ratio == D("3.86")  # 510,000 / 132,000
    assert summary.debt_service_ratio == D("37.45")  # 4,119.20 / 11,000
    assert summary.net_monthly_surplus == D("2880.80")
    assert summary.total_debt == D("410000.00")


def test_nothing_known_gives_no_ratio():
    summary = summarise(NOTHING, LOAN)
    unknown = {item.name for item in fields(Summary) if getattr(summary, item.name) is None}
    assert unknown == {
        "gross_annual_income", "gross_monthly_income", "monthly_expenses", "debt_to_income_ratio",
        "liabilities_to_assets_ratio", "debt_service_ratio", "net_monthly_surplus",
    }  # fmt: skip
    assert summary.proposed_loan.loan_to_income_ratio is None
    assert summary.net_worth == 0


@pytest.mark.parametrize("income", ["0", "-5000.00"])
def test_no_income_or_a_loss_gives_no_ratio_but_a_surplus(income):
    position = Position(D(income), D("100.00"), D("1.00"), (MORTGAGE,))
    summary = summarise(position)
    assert (summary.debt_to_income_ratio, summary.debt_service_ratio) == (None, None)
    assert summary.net_monthly_surplus == summary.gross_monthly_income - D("2700.00")


def test_what_is_unknown_makes_unknown_what_follows_from_it():
    sheet = Debt(balance=D("500.00"), monthly_repayment=None)
    summary = summarise(Position(D("1200.00"), D("0.00"), D("1000.00"), (sheet,)), LOAN)
    assert (summary.total_liabilities, summary.total_debt, summary.net_worth) == (D(500), D(500), D(500))
    assert summary.debt_to_income_ratio == D("83.75")
    assert (summary.monthly_commitments, summary.debt_service_ratio, summary.net_monthly_surplus) == (
        None, None, None,
    )  # fmt: skip
    summary = summarise(Position(D("1200.00"), D("0.00"), None, None), LOAN)
    unknown = {item.name for item in fields(Summary) if getattr(summary, item.name) is None}
    assert unknown == {
        "total_assets", "total_liabilities", "net_worth", "total_debt", "monthly_commitments",
        "debt_to_income_ratio", "liabilities_to_assets_ratio", "debt_service_ratio", "net_monthly_surplus",
    }  # fmt: skip


def test_the_shown_parts_add_up_to_the_cent():
    card = Debt(balance=D("1.00"), credit_limit=D("100.13"))  # 3.80494 a month
    summary = summarise(Position(D("100000.00"), D("10.00"), D("0.00"), (card,)), LOAN)
    parts = summary.monthly_expenses + summary.monthly_commitments
    parts += summary.proposed_loan.assessed_monthly_repayment
    assert summary.gross_monthly_income == D("8333.33")
    assert summary.net_monthly_surplus == summary.gross_monthly_income - parts == D("7480.33")


def test_a_card_counts_with_its_limit_or_more_when_it_is_overdrawn():
    assert (CARD.commitment, CARD.exposure) == (D("380"), D("10000.00"))
    assert Debt(balance=D("12000"), credit_limit=D("10000")).exposure == D("12000")
    assert Debt(balance=D("1"), credit_limit=D("0")).commitment == 0


def test_halves_are_rounded_up():
    assert ratio(D("0.125"), D(1)) == D("0.13")
    assert ratio(D("-0.125"), D(1)) == D("-0.13")


def test_a_loan_without_interest_is_repaid_in_equal_parts():
    assert monthly_instalment(D(1200), D(0), 12) == D(100)


@given(
    amount=st.decimals(min_value=1, max_value=10**9, places=2),
    rate=st.decimals(min_value=0, max_value=100, places=4),
    months=st.integers(min_value=1, max_value=600),
)
def test_instalments_repay_the_loan(amount, rate, months):
    instalment = monthly_instalment(amount, rate, months)
    balance, monthly = amount, rate / 1200
    growth = (1 + monthly) ** months
    paid = instalment * ((growth - 1) / monthly if monthly else months)
    assert abs(balance * growth - paid) <= balance * growth * D("1e-15")


def test_every_figure_is_defined():
    figures = {item.name for kind in (Summary, ProposedLoan) for item in fields(kind)}
    given = {"proposed_loan", "loan_amount", "interest_rate", "loan_term", "monthly_repayment"}
    assert set(DEFINITIONS) == figures - given
