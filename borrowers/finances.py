"""What a borrower earns, owns, owes and could afford. Pure: figures in, figures out.

Amounts are AUD, rates percent per annum, terms months; results are rounded to cents or hundredths, half up.
A ratio whose denominator is zero or unknown is None. Sources:

- Debt to income: APRA, Reporting Standard ARS 223.0 Residential Mortgage Lending: the credit limits of all
  debts over gross annual income. Study loans (HELP) have been left out of it since APRA's change of 2025.
- Buffer: APRA, letter to all ADIs of 6 October 2021 "Strengthening residential mortgage lending assessments",
  and Prudential Practice Guide APG 223: repayments of a new loan are assessed at its rate plus at least
  3.0 percentage points.
- Credit cards: 3.8 percent of the limit a month, as the large banks' calculators have it. It is about what
  repays a limit in three years at 21 percent; ASIC Credit (Unsuitability – Credit Cards) Instrument 2018/753
  requires that a limit can be repaid within three years.

Income tax is not taken off: the figures are gross, and a lender's own assessment comes after them.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

BUFFER = Decimal("3.0")
CARD_RATE = Decimal("3.8")
CENT = Decimal("0.01")

DEFINITIONS = {
    "gross_annual_income": "A person's annual and other income, unknown without the first; a company's net "
    "profit. Before tax.",
    "gross_monthly_income": "Gross annual income / 12.",
    "monthly_expenses": "As declared, without repayments; a company's are in its net profit already.",
    "total_assets": "The assets listed; of a company that lists neither assets nor liabilities, its "
    "balance sheet's total.",
    "total_liabilities": "The balances of the liabilities listed; of a company that lists neither assets "
    "nor liabilities, its balance sheet's total.",
    "net_worth": "Total assets - total liabilities.",
    "total_debt": "Balances, but the limits of credit cards, and no HECS-HELP (APRA ARS 223.0).",
    "monthly_commitments": "Repayments of the liabilities listed; of a credit card 3.8 % of its limit."
    " Unknown where debts are known from a balance sheet only.",
    "debt_to_income_ratio": "(Total debt + proposed loan) / gross annual income (APRA ARS 223.0), times.",
    "liabilities_to_assets_ratio": "Total liabilities / total assets, percent.",
    "debt_service_ratio": "(Monthly commitments + assessed repayment) / gross monthly income, percent.",
    "net_monthly_surplus": "Gross monthly income - expenses - commitments - assessed repayment; before tax.",
    "assessment_rate": "The proposed rate + 3.0 percentage points (APRA APG 223, letter of 6.10.2021).",
    "assessed_monthly_repayment": "Equal monthly instalments of the proposed loan at the assessment rate.",
    "loan_to_income_ratio": "Proposed loan / gross annual income, times.",
}


@dataclass(frozen=True)
class Debt:
    """Something owed; `credit_limit` is a credit card's, and None for everything else.

    The repayment is None where it is not known.
    """

    balance: Decimal
    monthly_repayment: Decimal | None = Decimal(0)
    credit_limit: Decimal | None = None
    is_study_loan: bool = False

    @property
    def commitment(self) -> Decimal | None:
        """What it takes a month, if that is known."""
        if self.credit_limit is not None:
            return self.credit_limit * CARD_RATE / 100
        return self.monthly_repayment

    @property
    def exposure(self) -> Decimal:
        """What it counts in a debt to income ratio."""
        if self.is_study_loan:
            return Decimal(0)
        return max(self.balance, self.credit_limit or Decimal(0))


@dataclass(frozen=True)
class Position:
    """What is known of a borrower; None is not known, no debts are none."""

    annual_income: Decimal | None
    monthly_expenses: Decimal | None
    assets: Decimal | None
    debts: tuple[Debt, ...] | None


@dataclass(frozen=True)
class Proposal:
    """A loan that is thought of."""

    loan_amount: Decimal
    interest_rate: Decimal
    loan_term: int


@dataclass(frozen=True)
class ProposedLoan:
    """What a proposal would cost a month, and at the rate at which it is assessed."""

    loan_amount: Decimal
    interest_rate: Decimal
    loan_term: int
    assessment_rate: Decimal
    monthly_repayment: Decimal
    assessed_monthly_repayment: Decimal
    loan_to_income_ratio: Decimal | None


@dataclass(frozen=True)
class Summary:
    """The figures of `DEFINITIONS`."""

    gross_annual_income: Decimal | None
    gross_monthly_income: Decimal | None
    monthly_expenses: Decimal | None
    total_assets: Decimal | None
    total_liabilities: Decimal | None
    net_worth: Decimal | None
    total_debt: Decimal | None
    monthly_commitments: Decimal | None
    debt_to_income_ratio: Decimal | None
    liabilities_to_assets_ratio: Decimal | None
    debt_service_ratio: Decimal | None
    net_monthly_surplus: Decimal | None
    proposed_loan: ProposedLoan | None


def cents(amount: Decimal) -> Decimal:
    """Rounded to cents, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def total(*parts: Decimal | None) -> Decimal | None:
    """Their sum; None when one of them is not known."""
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def ratio(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """A quotient to two places, half up; None of or over something unknown, over nothing, or over a loss."""
    return cents(part / whole) if part is not None and whole is not None and whole > 0 else None


def percentage(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """The same, in percent."""
    return ratio(None if part is None else part * 100, whole)


def monthly_instalment(amount: Decimal, rate: Decimal, months: int) -> Decimal:
    """The equal instalment that repays a loan: A·r / (1 − (1 + r)^−n), with r the rate a month."""
    monthly = rate / 1200
    if not monthly:
        return amount / months
    return amount * monthly / (1 - (1 + monthly) ** -months)


def summarise(position: Position, proposal: Proposal | None = None) -> Summary:
    """Work the figures out, with the proposed loan among the debts if there is one.

    The surplus is what the shown monthly figures leave, so that they add up to the cent.
    """
    income = position.annual_income
    monthly_income = None if income is None else income / 12
    shown_income = None if monthly_income is None else cents(monthly_income)
    owed, exposure, commitments = _debts(position.debts)
    loan = None if proposal is None else _propose(proposal, income)
    outgoings = total(commitments, loan.assessed_monthly_repayment if loan else Decimal(0))
    spent = total(position.monthly_expenses, outgoings)
    return Summary(
        gross_annual_income=income,
        gross_monthly_income=shown_income,
        monthly_expenses=position.monthly_expenses,
        total_assets=position.assets,
        total_liabilities=owed,
        net_worth=_less(position.assets, owed),
        total_debt=exposure,
        monthly_commitments=commitments,
        debt_to_income_ratio=ratio(total(exposure, loan.loan_amount if loan else Decimal(0)), income),
        liabilities_to_assets_ratio=percentage(owed, position.assets),
        debt_service_ratio=percentage(outgoings, monthly_income),
        net_monthly_surplus=_less(shown_income, spent),
        proposed_loan=loan,
    )


def _less(amount: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if amount is None or other is None else amount - other


def _debts(debts: tuple[Debt, ...] | None) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """What is owed, what counts in a debt to income ratio, and what it takes a month, to cents."""
    if debts is None:
        return None, None, None
    commitments = total(*(debt.commitment for debt in debts))
    return (
        total(*(debt.balance for debt in debts)),
        total(*(debt.exposure for debt in debts)),
        None if commitments is None else cents(commitments),
    )


def _propose(proposal: Proposal, income: Decimal | None) -> ProposedLoan:
    amount, rate, months = proposal.loan_amount, proposal.interest_rate, proposal.loan_term
    return ProposedLoan(
        loan_amount=amount,
        interest_rate=rate,
        loan_term=months,
        assessment_rate=rate + BUFFER,
        monthly_repayment=cents(monthly_instalment(amount, rate, months)),
        assessed_monthly_repayment=cents(monthly_instalment(amount, rate + BUFFER, months)),
        loan_to_income_ratio=ratio(amount, income),
    )
