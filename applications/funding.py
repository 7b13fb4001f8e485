"""The funding calculator: what of a loan is left for the borrower after the lender's fees.

Pure: no database, no clock. With L the loan amount (AUD), r the annual rate and all other rates in percent:

    establishment     = L · e/100 · 1.1          (GST of 10 %)
    capped interest   = L · r/12/100 · months    (divided last, so that nothing is rounded on the way)
    line fee          = L · l/100 · months       (of the term, unless the product fixes them)
    brokerage         = L · b/100 · 1.1          (GST of 10 %)
    legal             = before GST · 1.1
    total fees        = the sum of these and of the fees given as they are
    funds available   = L − total fees

Source: the lender's own funding table. Each line is rounded to the cent, half up.
"""

from dataclasses import asdict, dataclass, fields
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
GST = Decimal("1.1")
DEFAULT_CAPPED_MONTHS = 9


@dataclass(frozen=True)
class FundingInput:
    """Rates in percent, months, and AUD. `line_fee_months` is the loan's term unless given."""

    establishment_fee_rate: Decimal
    monthly_line_fee_rate: Decimal
    brokerage_fee_rate: Decimal
    application_fee: Decimal
    due_diligence_fee: Decimal
    legal_fee_before_gst: Decimal
    valuation_fee: Decimal
    monthly_account_fee: Decimal
    capped_interest_months: int = DEFAULT_CAPPED_MONTHS
    working_fee: Decimal = Decimal("0.00")
    line_fee_months: int | None = None


@dataclass(frozen=True)
class FundingResult:
    """AUD, to the cent. `security_value_less_fees` is None without a security."""

    establishment_fee: Decimal
    capped_interest: Decimal
    line_fee: Decimal
    brokerage_fee: Decimal
    application_fee: Decimal
    due_diligence_fee: Decimal
    legal_fee: Decimal
    valuation_fee: Decimal
    monthly_account_fee: Decimal
    working_fee: Decimal
    total_fees: Decimal
    funds_available: Decimal
    security_value_less_fees: Decimal | None

    def as_json(self) -> dict[str, str | None]:
        """Amounts as strings."""
        return {name: None if value is None else str(value) for name, value in asdict(self).items()}


RESULT_FIELDS = [field.name for field in fields(FundingResult)]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def calculate(
    terms: FundingInput,
    *,
    loan_amount: Decimal,
    interest_rate: Decimal,
    loan_term: int,
    security_value: Decimal | None,
) -> FundingResult:
    """Work the table out for a loan of `loan_term` months at `interest_rate` percent per annum."""
    line_fee_months = loan_term if terms.line_fee_months is None else terms.line_fee_months
    lines = {
        "establishment_fee": _cents(loan_amount * terms.establishment_fee_rate / 100 * GST),
        "capped_interest": _cents(loan_amount * interest_rate * terms.capped_interest_months / 1200),
        "line_fee": _cents(loan_amount * terms.monthly_line_fee_rate / 100 * line_fee_months),
        "brokerage_fee": _cents(loan_amount * terms.brokerage_fee_rate / 100 * GST),
        "application_fee": _cents(terms.application_fee),
        "due_diligence_fee": _cents(terms.due_diligence_fee),
        "legal_fee": _cents(terms.legal_fee_before_gst * GST),
        "valuation_fee": _cents(terms.valuation_fee),
        "monthly_account_fee": _cents(terms.monthly_account_fee),
        "working_fee": _cents(terms.working_fee),
    }
    total = sum(lines.values(), Decimal(0))
    return FundingResult(
        **lines,
        total_fees=total,
        funds_available=loan_amount - total,
        security_value_less_fees=None if security_value is None else security_value - total,
    )
