"""Filters: nonsense is refused cheaply, and nothing is told about hidden rows."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("value", ["-1e999999999", "1e999999999", "1e-999999999", "0e999999999", "-1e40"])
@pytest.mark.parametrize("name", ["broker", "min_loan_amount", "borrower"])
def test_a_number_of_absurd_size_is_refused_at_once(world, api, name, value):
    assert api(world.ours.client_user).get("/api/applications/", {name: value}).status_code == 400


@pytest.mark.parametrize(
    ("address", "name"),
    [("/api/guarantors/", "borrower"), ("/api/brokers/", "branch"), ("/api/brokers/bdms/", "branch")],
)
def test_a_filter_does_not_tell_whether_a_hidden_row_exists(world, api, address, name):
    client = api(world.ours.broker_user)
    hidden = {"borrower": world.theirs.borrower, "branch": world.theirs.branch}[name].pk
    there, nowhere = (client.get(address, {name: pk}) for pk in (hidden, 2**31))
    assert there.status_code == nowhere.status_code == 200
    assert nowhere.json()["results"] == []


def test_a_search_takes_ten_words_and_no_more(world, api):
    client = api(world.admin)
    assert client.get("/api/borrowers/", {"search": "a " * 10}).status_code == 200
    reply = client.get("/api/borrowers/", {"search": "a " * 11})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"search": ["At most 10 words."]}
