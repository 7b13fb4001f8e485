"""Particulars of made-up people, companies and places, from a seeded generator.

Phone numbers are from the ranges that the Australian Communications and Media Authority keeps free for films
and books (5550 xxxx and 7010 xxxx in each area), so that nobody is ever called. All mail is for example.com.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from operator import mul
from random import Random
from typing import Any, TypeVar

from stdnum.au import acn

from borrowers.choices import IdentityDocumentType
from crm_backend.common.australia import State
from demo import names

AREA_CODES = {
    State.NSW: "2", State.ACT: "2", State.VIC: "3", State.TAS: "3",
    State.QLD: "7", State.WA: "8", State.SA: "8", State.NT: "8",
}  # fmt: skip
TIMEZONES = {
    State.NSW: "Australia/Sydney",
    State.ACT: "Australia/Sydney",
    State.VIC: "Australia/Melbourne",
    State.TAS: "Australia/Hobart",
    State.QLD: "Australia/Brisbane",
    State.WA: "Australia/Perth",
    State.SA: "Australia/Adelaide",
    State.NT: "Australia/Darwin",
}
PLACES: dict[State, tuple[tuple[str, str], ...]] = {
    State.NSW: (("Parramatta", "2150"), ("Newtown", "2042"), ("Penrith", "2750"), ("Wollongong", "2500"),
                ("Newcastle", "2300"), ("Bathurst", "2795"), ("Manly", "2095"), ("Coffs Harbour", "2450")),
    State.VIC: (("Footscray", "3011"), ("Geelong", "3220"), ("Ballarat", "3350"), ("Dandenong", "3175"),
                ("Brunswick", "3056"), ("Bendigo", "3550"), ("Box Hill", "3128")),
    State.QLD: (("Southport", "4215"), ("Toowoomba", "4350"), ("Cairns", "4870"), ("Ipswich", "4305"),
                ("Townsville", "4810"), ("Indooroopilly", "4068")),
    State.WA: (("Fremantle", "6160"), ("Joondalup", "6027"), ("Bunbury", "6230"), ("Midland", "6056")),
    State.SA: (("Glenelg", "5045"), ("Mount Gambier", "5290"), ("Norwood", "5067"), ("Salisbury", "5108")),
    State.TAS: (("Launceston", "7250"), ("Sandy Bay", "7005"), ("Devonport", "7310")),
    State.ACT: (("Belconnen", "2617"), ("Braddon", "2612"), ("Tuggeranong", "2900")),
    State.NT: (("Palmerston", "0830"), ("Alice Springs", "0870"), ("Casuarina", "0810")),
}  # fmt: skip

TFN_WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9)

Fields = dict[str, Any]
Kind = TypeVar("Kind")


def draw(rng: Random, weighted: Sequence[tuple[Kind, int]]) -> Kind:
    """One of several kinds, each as often as its weight."""
    return rng.choices([kind for kind, _ in weighted], [weight for _, weight in weighted])[0]


class Details:
    """Makes particulars; the same generator state makes the same ones."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def person(self, mailbox: str) -> Fields:
        """Names and an address that `mailbox` makes unique."""
        first, last = self.rng.choice(names.FIRST_NAMES), self.rng.choice(names.LAST_NAMES)
        return {"first_name": first, "last_name": last, "email": email(first, last, mailbox)}

    def birth_date(self, on: date, youngest: int, oldest: int) -> date:
        """Of someone whose age in years on that day is in the range."""
        return on - timedelta(days=self.rng.randrange(youngest * 366, oldest * 365))

    def phone(self, state: State) -> str:
        """A number of the state, E.164."""
        prefix = self.rng.choice(("5550", "7010"))
        return f"+61{AREA_CODES[state]}{prefix}{self.rng.randrange(10_000):04d}"

    def address(self, state: State) -> Fields:
        """Street, city, state and postcode; the city and its postcode are real."""
        city, postcode = self.rng.choice(PLACES[state])
        street = f"{self.rng.choice(names.STREETS)} {self.rng.choice(names.STREET_KINDS)}"
        return {
            "street": f"{self.rng.randrange(1, 240)} {street}",
            "city": city,
            "state": state.value,
            "postcode": postcode,
        }

    def tax_file_number(self) -> str:
        """Nine digits with a right check digit, invented: whose it is, if anybody's, nobody knows."""
        while True:
            digits = [self.rng.randrange(10) for _ in range(8)]
            check = sum(map(mul, TFN_WEIGHTS, digits)) % 11
            if check < 10:  # the last weight is 10, which is -1 modulo 11
                return "".join(map(str, [*digits, check]))

    def bank_account(self, name: str) -> Fields:
        """An account at bank 00, which no institution has."""
        return {
            "bank_account_name": name,
            "bank_bsb": f"000{self.rng.randrange(1000):03d}",
            "bank_account_number": f"{self.rng.randrange(10**7, 10**9)}",
        }

    def licence(self, state: State, on: date) -> Fields:
        """A driver's licence that is valid that day."""
        return {
            "document_type": IdentityDocumentType.DRIVERS_LICENCE.value,
            "number": f"{self.rng.randrange(10**7, 10**8)}",
            "issuing_state": state.value,
            "issuing_country": "AU",
            "expiry_date": (on + timedelta(days=self.rng.randrange(30, 1800))).isoformat(),
        }

    def company(self, mailbox: str) -> Fields:
        """Name, numbers with right check digits, industry and mail of a proprietary company."""
        word, trade = self.rng.choice(names.EMPLOYERS), self.rng.choice(names.TRADES)[0]
        number = f"{self.rng.randrange(10_000_000, 100_000_000)}"
        number += acn.calc_check_digit(number)
        return {
            "company_name": f"{word} {trade} Pty Ltd",
            "acn": number,
            "abn": acn.to_abn(number),
            "industry": trade,
            "email": email("office", word, mailbox),
        }

    def job(self) -> Fields:
        """Employer and job title."""
        trade, title = self.rng.choice(names.TRADES)
        return {"employer": f"{self.rng.choice(names.EMPLOYERS)} {trade}", "job_title": title}


def email(first: str, last: str, mailbox: str) -> str:
    """`first.last.mailbox@example.com`, in letters that any mail system takes."""
    words = f"{first}.{last}.{mailbox}".lower().replace("'", "").replace(" ", "")
    return f"{words}@example.com"
