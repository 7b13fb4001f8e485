"""The real loans, the words, and what is made of them."""

from collections import Counter
from datetime import date
from random import Random

import pytest

from applications.choices import ApplicationType, SecurityType, Stage
from applications.stages import MOVES, OPEN
from crm_backend.common.australia import (
    State,
    validate_abn,
    validate_account_number,
    validate_acn,
    validate_bsb,
    validate_phone,
    validate_tfn,
)
from demo.clock import OFFICE, WorkingClock
from demo.details import PLACES, Details
from demo.journey import OUTCOMES, PACE, REASONS, Ending, choose_ending, plan_hops
from demo.loans import STATES, read_loans
from demo.people import BRANCHES
from demo.terms import TYPES


def test_all_loans_are_read() -> None:
    loans = read_loans()
    assert len(loans) == 9857
    assert Counter(loan.went_bad for loan in loans) == {False: 9340, True: 517}
    assert Counter(loan.term for loan in loans) == {36: 7047, 60: 2810}
    assert sum(loan.amount for loan in loans) == 154_592_825
    assert {loan.state for loan in loans} == set(State)


def test_every_american_state_has_one_australian() -> None:
    assert len(STATES) == 51  # with the District of Columbia
    assert {branch[2] for branch in BRANCHES} == set(State) == set(PLACES)


@pytest.mark.parametrize("state", State)
def test_details_are_valid(state: State) -> None:
    details = Details(Random(state.value))
    for _ in range(50):
        company = details.company("x1")
        validate_abn(company["abn"])
        validate_acn(company["acn"])
        validate_phone(details.phone(state))
        validate_tfn(details.tax_file_number())
        validate_bsb(details.bank_account("A")["bank_bsb"])
        validate_account_number(details.bank_account("A")["bank_account_number"])
        assert details.address(state)["state"] == state
        assert details.person("x1")["email"].endswith(".x1@example.com")


@pytest.mark.parametrize("kind", ApplicationType)
@pytest.mark.parametrize("end", [Stage.SETTLED, Stage.DECLINED, Stage.WITHDRAWN])
def test_journeys_reach_their_ending_by_moves_of_the_table(kind: ApplicationType, end: Stage) -> None:
    for number in range(60):
        reopened = end == Stage.DECLINED and number % 2 == 0
        ending = Ending(end, repaid_early=end == Stage.SETTLED and number % 2 == 0, reopened=reopened)
        hops = list(plan_hops(Random(number), application_type=kind, ending=ending))
        here = Stage.INQUIRY
        for hop in hops:
            assert MOVES[here, hop.to].needs_reason <= bool(hop.reason)
            here = hop.to
        last = Stage.CLOSED if ending.repaid_early else Stage.SETTLED if reopened else end
        assert here == last


def test_outcomes_follow_the_real_ones() -> None:
    rng = Random(1)
    for went_bad, weighted in OUTCOMES.items():
        drawn = Counter(choose_ending(rng, went_bad=went_bad).stage for _ in range(4000))
        for stage, percent in weighted:
            assert abs(drawn[stage] / 40 - percent) < 3


def test_tables_are_complete() -> None:
    assert sum(share for share, _, _ in TYPES.values()) == 100
    assert set(TYPES) == set(ApplicationType)
    assert {kind for _, _, kinds in TYPES.values() for kind in kinds} <= set(SecurityType)
    assert set(PACE) >= set(OPEN)
    assert {move.name for move in MOVES.values() if move.needs_reason} <= set(REASONS)


def test_the_clock_knows_only_office_hours() -> None:
    clock = WorkingClock(date(2025, 6, 24))  # a Tuesday, ten o'clock in Sydney when it begins
    last = clock.at(clock.total - 1)
    assert (clock.end - last).total_seconds() == 1
    sydney = [clock.at(second).astimezone(OFFICE) for second in range(0, clock.total, 7919)]
    assert {moment.weekday() for moment in sydney} == {0, 1, 2, 3, 4}
    assert {moment.hour for moment in sydney} == set(range(9, 17))
    assert sydney == sorted(sydney)
