"""The terms of an application and what secures it: real amount, term and rate, made-up type and security."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from applications.choices import ApplicationType, RepaymentFrequency, SecurityType
from demo import names
from demo.details import Details, Fields, draw
from demo.loans import CENT, Loan
from demo.products import FUNDING_TERMS

# Type: its share in percent, purposes, and the kinds of security (none for an unsecured type).
TYPES: dict[ApplicationType, tuple[int, tuple[str, ...], tuple[SecurityType, ...]]] = {
    ApplicationType.PERSONAL: (
        40,
        ("Consolidate debts", "Pay for a wedding", "Medical costs", "Holiday", "Move house"),
        (),
    ),
    ApplicationType.ASSET_FINANCE: (
        26,
        ("Buy a vehicle", "Replace a vehicle", "Buy equipment"),
        (SecurityType.OTHER,),
    ),
    ApplicationType.REFINANCE: (
        10,
        ("Refinance a second mortgage", "Refinance at a lower rate"),
        (SecurityType.SECOND_MORTGAGE, SecurityType.FIRST_MORTGAGE),
    ),
    ApplicationType.COMMERCIAL: (
        9,
        ("Working capital", "Fit out a shop", "Buy stock"),
        (SecurityType.COMPANY_CHARGE, SecurityType.CAVEAT),
    ),
    ApplicationType.RESIDENTIAL: (
        6,
        ("Renovate the kitchen", "Top up a deposit"),
        (SecurityType.SECOND_MORTGAGE, SecurityType.CAVEAT),
    ),
    ApplicationType.CONSTRUCTION: (
        5,
        ("Build a granny flat", "Build a garage", "Finish a build"),
        (SecurityType.SECOND_MORTGAGE,),
    ),
    ApplicationType.INVESTMENT: (
        3,
        ("Repair a rental property", "Furnish a rental property"),
        (SecurityType.SECOND_MORTGAGE,),
    ),
    ApplicationType.SMSF: (1, ("Improve a fund's property",), (SecurityType.CAVEAT,)),
}
GST = Decimal("1.1")
COMPANY_TYPES = {ApplicationType.COMMERCIAL, ApplicationType.SMSF}
FREQUENCIES = (
    (RepaymentFrequency.MONTHLY, 70), (RepaymentFrequency.FORTNIGHTLY, 22), (RepaymentFrequency.WEEKLY, 8),
)  # fmt: skip


class Terms:
    """What one loan is for, and on what terms."""

    def __init__(self, rng: Random, loan: Loan, on: date) -> None:
        self.rng = rng
        self.loan = loan
        self.on = on
        self.kind = draw(rng, [(kind, share) for kind, (share, _, _) in TYPES.items()])
        self.is_company = self.kind in COMPANY_TYPES

    def application(self) -> Fields:
        """The terms; amount (AUD), term (months) and rate (percent per annum) are the loan's own."""
        return {
            "application_type": self.kind.value,
            "purpose": self.rng.choice(TYPES[self.kind][1]),
            "loan_amount": self.loan.amount,
            "loan_term": self.loan.term,
            "interest_rate": self.loan.rate,
            "repayment_frequency": draw(self.rng, FREQUENCIES).value,
            "estimated_settlement_date": self.on + timedelta(days=self.rng.randrange(45, 90)),
        }

    def securities(self) -> list[Fields]:
        """One for a secured type, none for an unsecured one."""
        kinds = TYPES[self.kind][2]
        if not kinds:
            return []
        kind = self.rng.choice(kinds)
        if kind in {SecurityType.OTHER, SecurityType.COMPANY_CHARGE}:
            return [self._movable(kind)]
        return [self._property(kind)]

    def valuation(self, value: Decimal) -> Decimal:
        """What a valuer finds: 92 % to 105 % of the stated value, AUD, in whole hundreds."""
        return _hundreds(value * self.rng.randrange(92, 106) / 100)

    def funding(self) -> Fields:
        """Input of the funding calculator."""
        return dict(FUNDING_TERMS)

    def settlement_fees(self) -> tuple[Fields, ...]:
        """What is taken out of the loan at settlement: as the funding calculator has it."""
        rate, application = FUNDING_TERMS["establishment_fee_rate"], FUNDING_TERMS["application_fee"]
        establishment = (self.loan.amount * rate / 100 * GST).quantize(CENT, ROUND_HALF_UP)
        return (
            {"fee_type": "establishment", "amount": establishment, "deducted": True},
            {"fee_type": "application", "amount": application, "deducted": True},
        )

    def _movable(self, kind: SecurityType) -> Fields:
        """A vehicle, a machine, or a company's assets: worth 110 % to 160 % of the loan."""
        if kind == SecurityType.OTHER:
            made = self.on.year - self.rng.randrange(6)
            description = f"{self.rng.choice(names.VEHICLES)}, made in {made}"
        else:
            description = "All present and after-acquired property of the company"
        value = _hundreds(self.loan.amount * self.rng.randrange(110, 161) / 100)
        return {"security_type": kind.value, "description": description, "value": value}

    def _property(self, kind: SecurityType) -> Fields:
        """Land with a house: worth 350,000 to 1,400,000 AUD."""
        address = Details(self.rng).address(self.loan.state)
        value = (Decimal(self.rng.randrange(350, 1400)) * 1000).quantize(CENT)
        return {"security_type": kind.value, **address, "description": "House and land", "value": value}


def _hundreds(amount: Decimal) -> Decimal:
    return ((amount / 100).quantize(Decimal(1)) * 100).quantize(CENT)
