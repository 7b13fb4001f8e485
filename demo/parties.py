"""Who borrows and who answers for it: real income and employment, made-up people and companies."""

import json
from datetime import date
from decimal import Decimal
from random import Random

from borrowers.choices import (
    AssetType,
    BusinessType,
    EmploymentType,
    LiabilityType,
    MaritalStatus,
    PartyType,
    Relationship,
    ResidencyStatus,
)
from borrowers.models import Asset, Holding, Liability
from demo import names
from demo.details import Details, Fields, draw
from demo.loans import CENT, Loan
from demo.people import login_fields
from users.choices import Role

Kinds = tuple[tuple[EmploymentType, int], ...]

LISTED = 0.25  # of people: those whose assets and liabilities are on file
WITH_CAR = 0.4
ELSEWHERE = 0.1
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
        # A generator of its own, so that what is on file of somebody does not decide what becomes of them.
        self.file = Details(Random(f"{loan.index}/{mailbox}"))

    def borrower(self, *, company: bool) -> Fields:
        """The borrower, with the loan's own income and length of employment."""
        tags = [f"grade {self.loan.grade}"]
        if self.loan.income_verified:
            tags.append("income verified")
        party = self._company() if company else self._person()
        name = party.get("company_name") or f"{party['first_name']} {party['last_name']}"
        return {
            **party,
            **self._reachable(),
            **self._post_box(),
            **self.file.bank_account(name),
            "tax_id": self.file.tax_file_number(),
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

    def holdings(self, borrower: Fields) -> list[tuple[type[Holding], Fields]]:
        """What some people own and owe, in proportion to their income; companies have their balance sheet."""
        if borrower["borrower_type"] == PartyType.COMPANY or self.file.rng.random() >= LISTED:
            return []
        income = self.loan.income
        savings = {"asset_type": AssetType.SAVINGS.value, "value": self._share(income, 5, 60)}
        pension = {"asset_type": AssetType.SUPERANNUATION.value, "value": self._share(income, 60, 300)}
        limit = Decimal(self.file.rng.randrange(2, 21) * 1000)
        card = {
            "liability_type": LiabilityType.CREDIT_CARD.value,
            "lender": self.file.rng.choice(names.LENDERS),
            "balance": self._share(limit, 0, 80),
            "credit_limit": limit.quantize(CENT),
        }
        held: list[tuple[type[Holding], Fields]] = [(Asset, savings), (Asset, pension), (Liability, card)]
        if self.file.rng.random() < WITH_CAR:
            owed = self._share(income, 10, 40)
            car = {
                "liability_type": LiabilityType.CAR_LOAN.value,
                "lender": self.file.rng.choice(names.LENDERS),
                "balance": owed,
                "monthly_repayment": self._share(owed, 2, 4),
            }
            held += [
                (Asset, {"asset_type": AssetType.VEHICLE.value, "value": self._share(owed, 80, 160)}),
                (Liability, car),
            ]
        return held

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
            "identity_documents": json.dumps([self.file.licence(self.loan.state, self.on)]),
            "annual_income": loan.income,
            "monthly_expenses": self._expenses(),
        }

    def _company(self) -> Fields:
        months = self.loan.months_employed
        revenue = self.loan.income
        assets = self._share(revenue, 30, 200)
        return {
            **self.details.company(self.mailbox),
            "borrower_type": PartyType.COMPANY.value,
            "business_type": BusinessType.PTY_LTD.value,
            "years_in_business": None if months is None else months // 12,
            "directors": [self._director(number) for number in range(self.file.rng.randrange(1, 3))],
            "annual_revenue": revenue,
            "net_profit": self._share(revenue, 10, 60),
            "total_assets": assets,
            "total_liabilities": self._share(assets, 0, 70),
            "financials_as_at": date(self.on.year - (self.on.month < 7), 6, 30),
        }

    def _director(self, number: int) -> Fields:
        return {
            **self.file.person(f"d{number}{self.mailbox}"),
            "date_of_birth": self.file.birth_date(self.on, 25, 70).isoformat(),
            "phone": self.file.phone(self.loan.state),
            "is_guarantor": False,
        }

    def _post_box(self) -> Fields:
        """Mail that goes elsewhere, for a few."""
        if self.file.rng.random() >= ELSEWHERE:
            return {}
        address = {**self.file.address(self.loan.state), "country": "AU"}
        address["street"] = f"PO Box {self.file.rng.randrange(1, 2000)}"
        return {f"mailing_{part}": value for part, value in address.items()}

    def _share(self, amount: Decimal, low: int, high: int) -> Decimal:
        """So many percent of an amount."""
        return (amount * self.file.rng.randrange(low, high) / 100).quantize(CENT)

    def _expenses(self) -> Decimal:
        """AUD a month, a quarter to a half of the income, in whole tens."""
        share = Decimal(self.rng.randrange(25, 51)) / 100
        return ((self.loan.income / 12 * share / 10).quantize(Decimal(1)) * 10).quantize(CENT)
