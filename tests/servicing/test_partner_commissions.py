"""Commissions of referral partners: by which terms, how much, and what is taken back."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from events.models import Event
from servicing.commissions import Tier, tiered_of
from servicing.models import Commission, PartnerCommission
from servicing.months import financial_year_of, quarter_of
from servicing.selectors.commissions import partner_commission_summary
from servicing.services.changes import loan_write_off
from servicing.services.commission_payments import commissions_mark_paid
from servicing.services.errors import TermsInUse
from servicing.services.payments import payment_reverse
from servicing.services.referrals import partnership_terms_add
from tests.factories import (
    ApplicationFactory,
    BdmFactory,
    CommissionTermsFactory,
    PartnershipTermsFactory,
    UserFactory,
)
from tests.servicing.kit import START, D, balances, breaches, settled, tiered
from tests.servicing.test_commissions import pay_out

SYDNEY = ZoneInfo("Australia/Sydney")
TIERS = (Tier(D(0), Decimal("0.4")), Tier(D(500_000), Decimal("0.5")), Tier(D(1_000_000), Decimal("0.6")))


def on(day: date):
    """Noon of a day, at the lender's."""
    return time_machine.travel(datetime(day.year, day.month, day.day, 12, tzinfo=SYDNEY), tick=False)


def refer(world, amount="12000.00", day=START):
    """Settle a loan that our partner referred."""
    application = ApplicationFactory.create(
        referral_partner=world.ours.partnership, bd=world.ours.bdm, branch=world.ours.branch
    )
    with on(day):
        loan = settled(world.admin, application, on=day, terms={"approved_amount": D(amount)})
    return loan.application


def earned(application):
    rows = PartnerCommission.objects.filter(application=application).order_by("pk")
    return [(row.kind, str(row.accrued_on), str(row.amount)) for row in rows]


# --- how much ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "before", "expected"),
    [
        ("500000", "0", "2000.00"),  # 500,000 x 0.4 %
        ("500001", "0", "2000.01"),  # and one dollar at 0.5 %: half a cent goes up
        ("1200000", "0", "5700.00"),  # 2,000 + 500,000 x 0.5 % + 200,000 x 0.6 %
        ("300000", "400000", "1400.00"),  # 100,000 x 0.4 % + 200,000 x 0.5 %
        ("100000", "1000000", "600.00"),
    ],
)
def test_each_part_of_an_amount_earns_the_rate_of_its_tier(amount, before, expected):
    assert tiered_of(D(amount), TIERS, D(before)) == D(expected)


@given(st.lists(st.integers(1, 2_000_000).map(lambda n: n * 100), min_size=1, max_size=5))
def test_what_a_period_comes_to_does_not_depend_on_the_order(amounts):
    def come_to(ordered):
        before, total = D(0), D(0)
        for amount in ordered:
            total += tiered_of(D(amount), TIERS, before)
            before += D(amount)
        return total

    whole = tiered_of(D(sum(amounts)), TIERS)
    # Hundreds of dollars at tenths of a percent are whole cents: nothing is rounded.
    assert come_to(amounts) == come_to(sorted(amounts)) == come_to(sorted(amounts, reverse=True)) == whole


def test_periods_of_tiers():
    assert quarter_of(date(2025, 2, 28)) == (date(2025, 1, 1), date(2025, 3, 31))
    assert quarter_of(date(2025, 12, 31)) == (date(2025, 10, 1), date(2025, 12, 31))
    assert financial_year_of(date(2025, 6, 30)) == (date(2024, 7, 1), date(2025, 6, 30))
    assert financial_year_of(date(2025, 7, 1)) == (date(2025, 7, 1), date(2026, 6, 30))


# --- settlement ----------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_settlement_accrues_for_the_partner_beside_the_broker(world):
    CommissionTermsFactory.create()
    terms = PartnershipTermsFactory.create(partnership=world.ours.partnership)
    loan = settled(world.admin, world.ours.application)
    broker, partner = Commission.objects.order_by("pk")
    assert (broker.broker, broker.partnership, broker.amount) == (world.ours.broker, None, D(78))
    assert (partner.broker, partner.partnership) == (None, world.ours.partnership)
    assert (partner.partner_terms, partner.branch) == (terms, world.ours.branch)
    # 12,000 x 0.5 %.
    assert (partner.base, partner.rate, partner.amount) == (D(12000), Decimal("0.5"), D(60))
    parts = (partner.broker_amount, partner.branch_amount, partner.partner_amount)
    assert parts == (D(0), D(0), D(60))
    assert balances(loan.application)["commission_expense"] == D(138)
    assert balances(loan.application)["commission_payable"] == D(-138)
    event = Event.objects.get(type="commission.referral_accrued")
    assert event.recipients == [world.ours.bd_user.pk]
    assert event.data["partner"] == world.ours.partnership.organisation
    assert breaches() == []


def test_the_owner_is_told_of_what_they_may_see_only(world):
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    elsewhere = ApplicationFactory.create(
        referral_partner=world.ours.partnership, branch=world.theirs.branch, bd=BdmFactory.create()
    )
    settled(world.admin, elsewhere)
    assert Event.objects.get(type="commission.referral_accrued").recipients == []


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (None, None),
        ({"kind": "none"}, None),
        ({"kind": "flat", "flat_amount": D(350)}, D(350)),
        ({"kind": "percentage", "rate": Decimal("0.25")}, D(30)),
        ({"kind": "percentage", "rate": Decimal("0.0001")}, D("0.01")),  # 1.2 cents
    ],
)
def test_what_each_kind_of_terms_comes_to(world, terms, expected):
    if terms is not None:
        PartnershipTermsFactory.create(partnership=world.ours.partnership, **terms)
    application = refer(world)
    found = PartnerCommission.objects.filter(application=application).values_list("amount", flat=True)
    assert list(found) == ([expected] if expected else [])


def test_the_terms_of_the_day_of_settlement_count(world):
    ours = {"partnership": world.ours.partnership}
    PartnershipTermsFactory.create(**ours, kind="flat", flat_amount=D(100), valid_from=date(2024, 7, 1))
    PartnershipTermsFactory.create(**ours, kind="flat", flat_amount=D(200), valid_from=date(2025, 1, 15))
    PartnershipTermsFactory.create(**ours, kind="none", valid_from=date(2025, 3, 1))
    assert earned(refer(world, day=date(2024, 6, 30))) == []
    assert earned(refer(world, day=date(2025, 1, 14))) == [("upfront", "2025-01-14", "100.00")]
    assert earned(refer(world, day=date(2025, 1, 15))) == [("upfront", "2025-01-15", "200.00")]
    assert earned(refer(world, day=date(2025, 3, 1))) == []


def test_tiers_of_a_loan_do_not_look_at_others(world):
    tiered(world.ours.partnership, "loan", ("0", "0.4"), ("10000", "1"))
    for _ in range(2):
        # 10,000 x 0.4 % + 2,000 x 1 %.
        [row] = PartnerCommission.objects.filter(application=refer(world))
        assert (row.amount, row.rate) == (D(60), None)


def test_tiers_of_a_quarter_look_at_what_was_settled_in_it_before(world):
    tiered(world.ours.partnership, "quarter", ("0", "0.4"), ("20000", "1"))
    assert earned(refer(world, day=date(2024, 12, 31)))[0][2] == "48.00"
    # A new quarter: 12,000 x 0.4 %; then 8,000 x 0.4 % + 4,000 x 1 %; then 12,000 x 1 %.
    assert earned(refer(world, day=date(2025, 1, 1)))[0][2] == "48.00"
    assert earned(refer(world, day=date(2025, 3, 31)))[0][2] == "72.00"
    assert earned(refer(world, day=date(2025, 2, 1)))[0][2] == "120.00"
    assert breaches() == []


def test_what_a_paused_partner_referred_is_paid(world):
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    application = ApplicationFactory.create(referral_partner=world.ours.partnership)
    world.ours.partnership.status = "paused"
    world.ours.partnership.save()
    settled(world.admin, application)
    assert len(earned(application)) == 1


def test_the_database_knows_one_commission_of_a_loan_for_its_partner(world):
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    row = PartnerCommission.objects.get(application=refer(world))
    row.pk = None
    row.entry_id = settled(world.admin).application.journal_entries.first().pk
    with pytest.raises(IntegrityError, match="partner_commission_once"), transaction.atomic():
        row.save(force_insert=True)


def test_new_terms_begin_after_the_last_settlement(world):
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    refer(world)
    add = {"partnership": world.ours.partnership, "actor": world.admin, "kind": "none"}
    with pytest.raises(TermsInUse) as refused:
        partnership_terms_add(**add, valid_from=START)
    assert refused.value.extra == {"last_settled_on": START.isoformat()}
    partnership_terms_add(**add, valid_from=date(2025, 1, 16))
    assert earned(refer(world, day=date(2025, 1, 16))) == []


# --- the end of a loan ---------------------------------------------------------------------------


def test_a_loan_that_ends_early_takes_both_commissions_back(world):
    CommissionTermsFactory.create(trail_rate=Decimal(0))
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    with on(START):
        loan = settled(world.admin, world.ours.application)
    boss = UserFactory.create(role="admin")
    with on(date(2025, 4, 25)):
        loan_write_off(application=loan.application, actor=world.admin, reason="Gone.")
    # A year to 15 January 2026 has 365 days, 265 of them left: 60 x 265 / 365 = 43.56.
    assert earned(loan.application) == [
        ("upfront", "2025-01-15", "60.00"),
        ("clawback", "2025-04-25", "-43.56"),
    ]
    clawback = PartnerCommission.objects.get(kind="clawback", partnership=world.ours.partnership)
    assert (clawback.base, clawback.rate, clawback.partner_amount) == (D(60), Decimal(100), D("-43.56"))
    assert Commission.objects.filter(kind="clawback", partnership=None).count() == 1
    event = Event.objects.get(type="commission.referral_clawed_back")
    assert set(event.recipients) == {world.ours.bd_user.pk, boss.pk}
    assert breaches() == []


def test_a_payment_that_bounces_gives_it_back(world):
    PartnershipTermsFactory.create(partnership=world.ours.partnership, kind="flat", flat_amount=D(100))
    application = refer(world)
    with on(date(2025, 2, 1)):
        pay_out(application.loan, world.admin)
        payment_reverse(payment=application.payments.latest("pk"), actor=world.admin, reason="Bounced.")
    kinds = [(kind, amount) for kind, _, amount in earned(application)]
    # 348 of 365 days are left: 95.34.
    assert kinds == [("upfront", "100.00"), ("clawback", "-95.34"), ("clawback_reversed", "95.34")]
    assert breaches() == []


def test_the_pay_run_pays_both_and_the_summary_is_the_sum_of_the_ledger_s_lines(world):
    CommissionTermsFactory.create()
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    with on(START):
        loan = settled(world.admin, world.ours.application)
        commissions_mark_paid(commissions=list(Commission.objects.all()), actor=world.admin)
    with on(date(2025, 4, 25)):
        loan_write_off(application=loan.application, actor=world.admin, reason="Gone.")
    summary = partner_commission_summary(world.ours.partnership)
    assert summary["as_partner"] == {
        "accrued": D(60), "clawed_back": D("43.56"), "paid": D(60), "payable": D("-43.56"),
    }  # fmt: skip
    assert [row["month"] for row in summary["by_month"]] == [date(2025, 1, 1), date(2025, 4, 1)]
    lines = {"accrued": D(0), "clawed_back": D(0), "paid": D(0)}
    for row in PartnerCommission.objects.filter(partnership=world.ours.partnership):
        amount = row.entry.lines.get(account="commission_expense").amount
        lines["accrued" if amount > 0 else "clawed_back"] += abs(amount)
        if row.paid_entry is not None:
            lines["paid"] += row.paid_entry.lines.get(account="commission_payable").amount
    assert {name: summary["as_partner"][name] for name in lines} == lines
    paid = Event.objects.get(type="commission.referral_paid")
    assert paid.recipients == [world.ours.bd_user.pk]
    assert breaches() == []
