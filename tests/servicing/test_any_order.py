"""Whatever is done to a loan, in whatever order, the invariants hold after every step."""

import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crm_backend.common.errors import DomainError
from servicing.models import Commission, Fee, Loan, Payment, Repayment
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.books import open_books
from servicing.services.changes import loan_extend, loan_pay_out, loan_write_off
from servicing.services.commission_payments import commission_mark_paid
from servicing.services.fees import fee_add, fee_cancel, fee_waive
from servicing.services.nightly import nightly
from servicing.services.payments import (
    fee_mark_paid,
    payment_record,
    payment_reverse,
    refund,
    repayment_mark_paid,
)
from tests.factories import CommissionTermsFactory, ProductFactory, World
from tests.servicing.kit import START, breaches, settled
from tests.writes import fingerprint

cents = st.integers(1, 400_000).map(lambda n: Decimal(n) / 100)
METHODS = ["equal_instalments", "equal_principal", "interest_only", "bullet"]


class Undo(Exception):
    """The end of an example: nothing of it stays."""


class Life(RuleBasedStateMachine):
    """One loan, and a day that moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.clock: Any = None
        self.go_to(START)

    def teardown(self) -> None:
        self.clock.stop()
        self.outer.__exit__(Undo, Undo(), None)

    def go_to(self, day: date) -> None:
        if self.clock is not None:
            self.clock.stop()
        self.today = day
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("Australia/Sydney"))
        self.clock = time_machine.travel(noon, tick=False)
        self.clock.start()

    @initialize(method=st.sampled_from(METHODS), backdated=st.integers(0, 80), data=st.data())
    def lend(self, method: str, backdated: int, data: Any) -> None:
        self.world = World()
        product = ProductFactory.create(
            repayment_method=method,
            late_fee="15.00",
            late_fee_after_days=3,
            allocation_order=data.draw(st.permutations(["penalty", "fee", "interest", "principal"])),
        )
        CommissionTermsFactory.create(
            trail_rate="1.0000",
            branch_share="33.3333",
            clawback_months=4,
            clawback_percentage="80.0000",
            clawback_method="full" if backdated % 3 else "pro_rata",
        )
        self.loan = settled(
            self.world.admin,
            self.world.ours.application,
            on=START - timedelta(days=backdated),
            terms={"product": product, "approved_amount": "2500.00", "loan_term": 6},
            fees=[{"fee_type": "legal", "amount": Decimal("30.00"), "deducted": bool(backdated % 2)}],
        )
        self.actor = self.world.admin
        self.application = self.loan.application

    def tries(self, service: Any, **given: Any) -> None:
        """Call a service; when it refuses, it has written nothing."""
        before = fingerprint()
        try:
            with transaction.atomic():
                service(actor=self.actor, **given)
        except DomainError:
            assert fingerprint() == before

    def one_of(self, model: Any, place: int) -> Any:
        rows = list(model.objects.filter(application=self.application).order_by("pk"))
        return rows[place % len(rows)] if rows else None

    @rule(amount=cents, back=st.integers(0, 90))
    def pay(self, amount: Decimal, back: int) -> None:
        on = max(self.today - timedelta(days=back), self.loan.settled_on)
        self.tries(payment_record, application=self.application, amount=amount, received_on=on)

    @rule(place=st.integers(0, 50))
    def reverse(self, place: int) -> None:
        if payment := self.one_of(Payment, place):
            self.tries(payment_reverse, payment=payment, reason="Dishonoured.")

    @rule(amount=cents, due=st.integers(-20, 40), late=st.booleans())
    def charge(self, amount: Decimal, due: int, late: bool) -> None:
        day = self.today + timedelta(days=due)
        kind = "late" if late else "other"
        self.tries(fee_add, application=self.application, fee_type=kind, amount=amount, due_date=day)

    @rule(place=st.integers(0, 50), service=st.sampled_from([fee_waive, fee_cancel, fee_mark_paid]))
    def do_to_a_fee(self, place: int, service: Any) -> None:
        if fee := self.one_of(Fee, place):
            self.tries(service, fee=fee)

    @rule(place=st.integers(0, 50))
    def mark_paid(self, place: int) -> None:
        if repayment := self.one_of(Repayment, place):
            self.tries(repayment_mark_paid, repayment=repayment)

    @rule(place=st.integers(0, 50))
    def pay_a_broker(self, place: int) -> None:
        if commission := self.one_of(Commission, place):
            self.tries(commission_mark_paid, commission=commission)

    @rule(amount=cents)
    def give_back(self, amount: Decimal) -> None:
        self.tries(refund, application=self.application, amount=amount)

    @rule(
        term=st.none() | st.integers(1, 24),
        rate=st.none() | st.integers(0, 20).map(Decimal),
        more=st.none() | cents,
    )
    def extend(self, term: int | None, rate: Decimal | None, more: Decimal | None) -> None:
        self.tries(
            loan_extend,
            application=self.application,
            loan_term=term,
            interest_rate=rate,
            additional_amount=more,
        )

    @rule(days=st.integers(1, 45))
    def nights(self, days: int) -> None:
        self.go_to(self.today + timedelta(days=days))
        nightly(self.today)

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.go_to(self.today + timedelta(days=days))

    @rule(exactly=st.integers(0, 5))
    def pay_out(self, exactly: int) -> None:
        if exactly == 0:
            figure = payoff(read_facts(self.application), self.today).total
            self.tries(loan_pay_out, application=self.application, amount=figure)

    @rule(really=st.integers(0, 9))
    def give_up(self, really: int) -> None:
        if really == 0:
            self.tries(loan_write_off, application=self.application, reason="Gone.")

    @invariant()
    def the_ledger_is_right(self) -> None:
        if hasattr(self, "loan"):
            connection.check_constraints()
            assert breaches() == []

    @invariant()
    def principal_is_found_without_the_ledger(self) -> None:
        """Trails are worked out from it."""
        if hasattr(self, "loan") and Loan.objects.filter(status="active").exists():
            books = open_books(self.application, actor=None)
            assert books.principal_on(self.today + timedelta(days=1)) == books.balances["loan_principal"]


@pytest.mark.django_db
def test_any_sequence_keeps_the_invariants(request: pytest.FixtureRequest) -> None:
    examples = int(os.environ.get("PROOF_EXAMPLES", "12"))
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
