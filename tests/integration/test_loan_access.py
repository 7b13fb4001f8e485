"""Who reads and who writes the money of an application, with rows there to be read."""

import pytest

from tests.servicing.kit import fee_of, loan_of, payment_of
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

READS = [
    "schedule/",
    "payoff/",
    "fees/",
    "repayments/",
    "payments/",
    "ledger/",
    "statement/",
]


@pytest.fixture
def loan(world):
    loan = loan_of(world.admin, world.ours.application)
    fee_of(world.admin, loan.application)
    payment_of(world.admin, loan.application)
    return loan


@pytest.mark.parametrize("role", ["broker", "client"])
@pytest.mark.parametrize("tail", READS)
def test_brokers_and_clients_read_what_staff_reads(world, api, loan, role, tail):
    address = f"/api/applications/{loan.application_id}/{tail}"
    staff = api(world.ours.bd_user).get(address)
    own = api(world.user(role)).get(address)
    assert (staff.status_code, own.status_code) == (200, 200)
    assert own.json() == staff.json()


@pytest.mark.parametrize("role", ["broker", "client"])
def test_they_write_nothing(world, api, loan, role):
    client = api(world.user(role))
    address = f"/api/applications/{loan.application_id}/"
    for tail in ("record-payment/", "extend-loan/", "write-off/", "refund/", "payoff/", "settle/", "fees/"):
        with nothing_written():
            reply = client.post(address + tail, {})
        assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied"), tail


@pytest.mark.parametrize("tail", READS)
def test_the_other_side_does_not_know_of_it(world, api, loan, tail):
    reply = api(world.theirs.broker_user).get(f"/api/applications/{loan.application_id}/{tail}")
    assert reply.status_code == 404
