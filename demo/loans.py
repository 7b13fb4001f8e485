"""The real loans: reading them, and where in Australia they are.

Source and licence: `demo/data/README.md`.
"""

import csv
import lzma
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from crm_backend.common.australia import State

PATH = Path(__file__).parent / "data" / "lending_club.csv.xz"

# As the API would have them.
CENT, RATE = Decimal("0.01"), Decimal("0.0001")
# US state → Australian state or territory: neighbours stay together, the largest make the largest, and
# every one of the eight gets some.
STATES: dict[str, State] = {
    american: australian
    for australian, americans in {
        State.NSW: "CA OR WA NV AZ ID UT HI CO NM",
        State.VIC: "NY NJ PA CT MA RI DE MD OH",
        State.QLD: "FL GA SC NC AL LA MS TN AR",
        State.WA: "TX OK",
        State.SA: "IL MI IN WI MN MO IA",
        State.TAS: "ME VT NH WV KY",
        State.ACT: "DC VA",
        State.NT: "AK MT WY ND SD NE KS",
    }.items()
    for american in americans.split()
}
# Months employed; the data set counts whole years and stops counting at ten.
MONTHS_EMPLOYED: dict[str, int | None] = {
    "emp_unk": None,
    "emp_lt_1": 6,
    **{f"emp_{years}": 12 * years for years in range(1, 10)},
    "emp_ge_10": 120,
}


@dataclass(frozen=True, slots=True)
class Loan:
    """A real loan. Amounts are taken as AUD, the rate is percent per annum, the term months."""

    index: int
    amount: Decimal
    term: int
    rate: Decimal
    grade: str
    state: State
    income: Decimal
    income_verified: bool
    months_employed: int | None
    went_bad: bool


def read_loans(limit: int | None = None) -> list[Loan]:
    """The loans in the order of the file, the first `limit` of them if given."""
    with lzma.open(PATH, "rt", encoding="ascii", newline="") as file:
        rows = csv.DictReader(file)
        return [_loan(index, row) for index, row in zip(range(limit or 1_000_000), rows, strict=False)]


def _loan(index: int, row: dict[str, str]) -> Loan:
    return Loan(
        index=index,
        amount=Decimal(row["funded_amnt"]).quantize(CENT),
        term=int(row["term"].removeprefix("term_")),
        rate=Decimal(row["int_rate"]).quantize(RATE),
        grade=row["sub_grade"],
        state=STATES[row["addr_state"]],
        income=Decimal(row["annual_inc"]).quantize(CENT),
        income_verified=row["verification_status"] != "Not_Verified",
        months_employed=MONTHS_EMPLOYED[row["emp_length"]],
        went_bad=row["Class"] == "bad",
    )
