"""Who borrows and who answers for it: real income and employment, made-up people and companies."""

from datetime import date
from decimal import Decimal
from random import Random

from borrowers.choices import (
    BusinessType,
    EmploymentType,
    MaritalStatus,
    PartyType,
    Relationship,
    ResidencyStatus,
)
from demo import names
from demo.details import Details, Fields, draw
from demo.loans import CENT, Loan
from demo.people import login_fields
from users.choices import Role

Kinds = tuple[tuple[EmploymentType, int], ...]

GUARANTEED = {True: 0.6, False: 0.08}  # of companies, of people

# What people are who gave no length of employment, who began within the year, and the others.
WITHOUT_EMPLOYER = (
    (EmploymentType.RETIRED, 5),
    (EmploymentType.SELF_EMPLOYED, 4),
    (EmploymentType.UNEMPLOYED, 1),
)
NEWLY_EMPLOYED = ((EmploymentType.FULL_TIME, 5), (EmploymentType.CASUAL, 3), (EmploymentType.CONTRACTOR, 2))
EMPLOYED = (
    (EmploymentType.FULL_TIME, 74), (EmploymentType.PART_TIME, 11),
    (EmploymentType.SELF_EMPLOYED, 10), (EmploymentType.CONTRACTOR, 5),
)  # fmt: skip
MARITAL = (
    (MaritalStatus.MARRIED, 48), (MaritalStatus.SINGLE, 30), (MaritalStatus.DE_FACTO, 13),
    (MaritalStatus.DIVORCED, 7), (MaritalStatus.WIDOWED, 2),
)  # fmt: skip
RESIDENCY = (
    (ResidencyStatus.CITIZEN, 84), (ResidencyStatus.PERMANENT_RESIDENT, 12),
    (ResidencyStatus.TEMPORARY_RESIDENT, 3), (ResidencyStatus.FOREIGN_INVESTOR, 1),
)  # fmt: skip


class Parties:
    """The people and companies of one loan."""

    def __init__(self, rng: Random, loan: Loan, on: date, mailbox: str) -> None:
        self.rng = rng
        self.loan = loan
        self.on = on
        self.mailbox = mailbox
        self.details = Details(rng)

    def borrower(self, *, company: bool) -> Fields:
        """The borrower, with the loan's own income and length of employment."""
        tags = [f"grade {self.loan.grade}"]
        if self.loan.income_verified:
            tags.append("income verified")
        return {
            **(self._company() if company else self._person()),
            **self._reachable(),
            "referral_source": self.rng.choice(names.REFERRALS),
            "tags": tags,
        }

    def guarantors(self, *, company: bool) -> list[Fields]:
        """None, or one: a director for a company, someone close for a person."""
        if self.rng.random() >= GUARANTEED[company]:
            return []
        close = (Relationship.SPOUSE, Relationship.PARENT, Relationship.SIBLING, Relationship.FRIEND)
        relationship = Relationship.BUSINESS_PARTNER if company else self.rng.choice(close)
        return [
            {
                **self.details.person(f"g{self.mailbox}"),
                **self._reachable(),
                "guarantor_type": PartyType.INDIVIDUAL.value,
                "relationship": relationship.value,
                "date_of_birth": self.details.birth_date(self.on, 25, 70),
            }
        ]

    def login(self, borrower: Fields) -> Fields:
        """An account for a borrower."""
        own = {name: borrower[name] for name in ("first_name", "last_name", "email", "phone")}
        return {**login_fields(self.details, Role.CLIENT, self.loan.state, self.mailbox), **own}

    def _reachable(self) -> Fields:
        state = self.loan.state
        return {"phone": self.details.phone(state), **self.details.address(state)}

    def _person(self) -> Fields:
        loan = self.loan
        kinds: Kinds = EMPLOYED
        if loan.months_employed is None:
            kinds = WITHOUT_EMPLOYER
        elif loan.months_employed < 12:
            kinds = NEWLY_EMPLOYED
        employment = draw(self.rng, kinds)
        at_work = employment not in {EmploymentType.RETIRED, EmploymentType.UNEMPLOYED}
        ages = (60, 80) if employment == EmploymentType.RETIRED else (28, 66)
        return {
            **self.details.person(self.mailbox),
            "borrower_type": PartyType.INDIVIDUAL.value,
            "date_of_birth": self.details.birth_date(self.on, *ages),
            "marital_status": draw(self.rng, MARITAL).value,
            "residency_status": draw(self.rng, RESIDENCY).value,
            "employment_type": employment.value,
            **(self.details.job() if at_work else {}),
            "months_employed": loan.months_employed,
            "annual_income": loan.income,
            "monthly_expenses": self._expenses(),
        }

    def _company(self) -> Fields:
        months = self.loan.months_employed
        return {
            **self.details.company(self.mailbox),
            "borrower_type": PartyType.COMPANY.value,
            "business_type": BusinessType.PTY_LTD.value,
            "years_in_business": None if months is None else months // 12,
            "annual_revenue": self.loan.income,
        }

    def _expenses(self) -> Decimal:
        """AUD a month, a quarter to a half of the income, in whole tens."""
        share = Decimal(self.rng.randrange(25, 51)) / 100
        return ((self.loan.income / 12 * share / 10).quantize(Decimal(1)) * 10).quantize(CENT)
