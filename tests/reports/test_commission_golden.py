"""The commission report of a small book that is worked out by hand, from rows and from rollups.

Loan A: 450,000 AUD of interest only, settled on 15 January 2025, paid out on 25 April. Our broker: 0.65 %
upfront, 0.15 % a year of trail, a fifth of it for the branch, clawed back pro rata within 18 months. Our
partner referred it: 0.25 %, clawed back pro rata within 12 months.

    upfront     450,000 x 0.65 %                                2,925.00    broker 2,340.00    branch 585.00
    trail       450,000 x 0.15 % x 17 / 365, to 31 January         31.44             25.15              6.29
                450,000 x 0.15 % x 28 / 365, to 28 February        51.78             41.42             10.36
                450,000 x 0.15 % x 31 / 365, to 31 March           57.33             45.86             11.47
    clawback    2,925.00 x 446 / 546 days                      -2,389.29         -1,911.43           -477.86
    partner     450,000 x 0.25 %                                1,125.00
    clawback    1,125.00 x 265 / 365 days                        -816.78

Loan B: 200,000 AUD, settled on 10 March, of another branch's broker, who has 0.50 % upfront and no trail;
referred by our partner as well. Both commissions are paid on 12 March.

    upfront     200,000 x 0.50 %                                1,000.00    broker   800.00    branch 200.00
    partner     200,000 x 0.25 %                                  500.00
"""

from datetime import date
from decimal import Decimal

import pytest

from reports.registry import REPORTS, Filters, compute
from reports.services.rollups import rollups_check, rollups_rebuild
from servicing.models import Commission
from servicing.services.commission_payments import commissions_mark_paid
from tests.factories import (
    ApplicationFactory,
    CommissionTermsFactory,
    PartnershipTermsFactory,
    ProductFactory,
)
from tests.servicing.kit import D, breaches, settled
from tests.servicing.test_commissions import on, pay_out

pytestmark = pytest.mark.django_db

NAMES = (
    *("total_commissions", "upfront", "trail", "clawed_back", "net", "paid", "payable"),
    *("broker_amount", "branch_amount", "partner_amount"),
)
OUR_BROKER = (5, "2925.00", "140.55", "2389.29", "676.26", "0", "676.26", "541.00", "135.26", "0")
THEIR_BROKER = (1, "1000.00", "0", "0", "1000.00", "1000.00", "0", "800.00", "200.00", "0")
OUR_PARTNER = (3, "1625.00", "0", "816.78", "808.22", "500.00", "308.22", "0", "0", "808.22")
ALL_BROKERS = (6, "3925.00", "140.55", "2389.29", "1676.26", "1000.00", "676.26", "1341.00", "335.26", "0")
ALL = (9, "5550.00", "140.55", "3206.07", "2484.48", "1500.00", "984.48", "1341.00", "335.26", "808.22")
BY_MONTH = {
    # 2,925.00 + 1,125.00, and the trail of 17 days.
    date(2025, 1, 1): (3, "4050.00", "31.44", "0", "4081.44", "0", "4081.44", "2365.15", "591.29", "1125.00"),
    date(2025, 2, 1): (1, "0", "51.78", "0", "51.78", "0", "51.78", "41.42", "10.36", "0"),
    # 1,000.00 + 500.00, which are paid.
    date(2025, 3, 1): (
        *(3, "1500.00", "57.33", "0", "1557.33", "1500.00", "57.33"),
        *("845.86", "211.47", "500.00"),
    ),
    date(2025, 4, 1): (
        *(2, "0", "0", "3206.07", "-3206.07", "0", "-3206.07"),
        *("-1911.43", "-477.86", "-816.78"),
    ),
}


def figures(row):
    return tuple(row[name] for name in NAMES)


def hand(numbers):
    return (numbers[0], *(D(amount) for amount in numbers[1:]))


@pytest.fixture
def book(world):
    product = ProductFactory.create(repayment_method="interest_only")
    CommissionTermsFactory.create()
    CommissionTermsFactory.create(
        broker=world.theirs.broker, upfront_rate=Decimal("0.5"), trail_rate=Decimal(0)
    )
    PartnershipTermsFactory.create(partnership=world.ours.partnership, rate=Decimal("0.25"))
    first, second = date(2025, 1, 15), date(2025, 3, 10)
    with on(first):
        terms = {"product": product, "approved_amount": D(450_000)}
        loan = settled(world.admin, world.ours.application, on=first, terms=terms)
    other = ApplicationFactory.create(
        broker=world.theirs.broker,
        bd=world.theirs.bdm,
        branch=world.theirs.branch,
        referral_partner=world.ours.partnership,
    )
    with on(second):
        settled(world.admin, other, on=second, terms={"approved_amount": D(200_000)})
    with on(date(2025, 3, 12)):
        commissions_mark_paid(commissions=list(other.commissions.all()), actor=world.admin)
    with on(date(2025, 4, 25)):
        pay_out(loan, world.admin)
    assert Commission.objects.count() == ALL[0]
    assert breaches() == []
    return world


def test_every_figure_is_that_of_the_hand(book):
    ours, theirs = book.ours, book.theirs
    for whole in (False, True):
        if whole:
            assert rollups_rebuild()
            assert rollups_check() == (0, 0)

        def report(reader, **filters):
            return compute(REPORTS["commission"], reader, Filters(**filters)).data

        everything = report(book.admin)
        assert figures(everything) == hand(ALL)
        months = {row["month"]: figures(row) for row in everything["monthly_breakdown"]}
        assert months == {month: hand(row) for month, row in BY_MONTH.items()}
        payees = {row["payee"]: figures(row) for row in everything["by_payee"]}
        assert payees == {"broker": hand(ALL_BROKERS), "partner": hand(OUR_PARTNER)}
        brokers = [(row["broker_id"], row["broker_name"], figures(row)) for row in everything["brokers"]]
        assert brokers == [
            (theirs.broker.pk, theirs.broker.full_name, hand(THEIR_BROKER)),
            (ours.broker.pk, ours.broker.full_name, hand(OUR_BROKER)),
        ]
        [partner] = everything["partners"]
        assert (partner["partnership_id"], partner["partner_name"]) == (
            ours.partnership.pk,
            ours.partnership.organisation,
        )
        assert figures(partner) == hand(OUR_PARTNER)

        # March alone.
        march = report(book.admin, start_date=date(2025, 3, 1), end_date=date(2025, 3, 31))
        assert figures(march) == hand(BY_MONTH[date(2025, 3, 1)])
        # A broker reads the own ones only, and a BDM those of the branch's brokers and partners.
        of_broker = report(ours.broker_user)
        assert (figures(of_broker), of_broker["partners"]) == (hand(OUR_BROKER), [])
        assert [row["broker_id"] for row in report(ours.bd_user)["brokers"]] == [ours.broker.pk]
        assert [figures(row) for row in report(ours.bd_user)["partners"]] == [hand(OUR_PARTNER)]
        assert figures(report(theirs.bd_user)) == hand(THEIR_BROKER)
        # By whom: the partner's are of no broker, and of the partner's branch.
        assert figures(report(book.admin, broker_id=ours.broker.pk)) == hand(OUR_BROKER)
        assert figures(report(book.admin, branch_id=theirs.branch.pk)) == hand(THEIR_BROKER)
        assert report(book.admin, branch_id=ours.branch.pk)["partner_amount"] == D("808.22")
