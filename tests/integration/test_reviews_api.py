"""Reviews over HTTP."""

import pytest

from applications.models import Application
from engagement.models import Review
from events.models import Event
from tests.clients import ApiClient
from tests.factories import BdmFactory
from tests.threads import statuses, together
from tests.writes import nothing_written

URL = "/api/reviews/"


@pytest.fixture
def settled(world):
    """Our application, of which the loan is settled."""
    Application.objects.filter(pk=world.ours.application.pk).update(stage="settled")
    return world.ours.application


def sent(application, **fields):
    return {"application": application.pk, "rating": 4, "title": "Quick and clear", **fields}


def written(world, application, **fields):
    reply = ApiClient(world.ours.client_user).post(URL, sent(application, **fields))
    assert reply.status_code == 201, reply.content
    return reply.json()


def test_a_client_reviews_an_own_settled_loan_once(world, api, settled):
    shown = written(world, settled)
    assert (shown["rating"], shown["about"], shown["borrower"]) == (4, "both", world.ours.borrower.pk)
    event = Event.objects.get(type="review.written")
    assert event.recipients == sorted([world.ours.broker_user.pk, world.ours.bd_user.pk])
    caller = api(world.ours.client_user)
    with nothing_written():
        reply = caller.post(URL, sent(settled))
    assert (reply.status_code, reply.json()["code"]) == (409, "review_written_before")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one(world, settled):
    clients = [ApiClient(world.ours.client_user) for _ in range(3)]
    replies = together(*[lambda one=one: one.post(URL, sent(settled)) for one in clients])
    assert statuses(replies) == [201, 409, 409]


def test_only_settled_and_own_loans(world, api, settled):
    Application.objects.filter(pk=settled.pk).update(stage="formal_approval")
    for application in (settled, world.theirs.application):
        caller = api(world.ours.client_user)
        with nothing_written():
            reply = caller.post(URL, sent(application))
        assert (reply.status_code, set(reply.json()["errors"])) == (400, {"application"})
    assert api(world.ours.broker_user).post(URL, sent(settled)).status_code == 403


@pytest.mark.parametrize("rating", [0, 6, "4.5", None])
def test_stars_are_one_to_five(world, api, settled, rating):
    reply = api(world.ours.client_user).post(URL, sent(settled, rating=rating))
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {"rating"})


def test_it_is_edited_until_there_is_a_response(world, api, settled):
    address = f"{URL}{written(world, settled)['id']}/"
    client = api(world.ours.client_user)
    assert client.patch(address, {"rating": 5}).json()["rating"] == 5
    reply = api(world.ours.broker_user).post(f"{address}respond/", {"response": "Thank you."})
    assert reply.status_code == 200
    assert reply.json()["responded_by"]["id"] == world.ours.broker_user.pk
    assert Event.objects.get(type="review.responded").recipients == [world.ours.client_user.pk]
    with nothing_written():
        reply = client.patch(address, {"rating": 1})
    assert (reply.status_code, reply.json()["code"]) == (409, "review_answered")


def test_one_response_which_its_author_edits(world, api, settled):
    address = f"{URL}{written(world, settled)['id']}/respond/"
    api(world.ours.broker_user).post(address, {"response": "Thank you."})
    edited = api(world.ours.broker_user).post(address, {"response": "Many thanks."})
    assert (edited.status_code, edited.json()["response"]) == (200, "Many thanks.")
    caller = api(world.ours.bd_user)
    with nothing_written():
        reply = caller.post(address, {"response": "And from me."})
    assert (reply.status_code, reply.json()["code"]) == (409, "review_answered")
    assert Event.objects.filter(type="review.responded").count() == 1
    assert api(world.theirs.broker_user).post(address, {"response": "Hm."}).status_code == 404


def test_another_bdm_of_the_branch_responds(world, api, settled):
    colleague = BdmFactory.create(branch=world.ours.branch).user
    address = f"{URL}{written(world, settled)['id']}/respond/"
    reply = api(colleague).post(address, {"response": "Thank you."})
    assert (reply.status_code, reply.json()["responded_by"]["id"]) == (200, colleague.pk)
    assert api(world.theirs.bd_user).post(address, {"response": "Hm."}).status_code == 404


def test_a_hidden_review_is_kept_from_brokers_and_figures(world, api, settled):
    shown = written(world, settled)
    address = f"{URL}{shown['id']}/"
    assert api(world.ours.bd_user).post(f"{address}hide/", {"reason": "Names."}).status_code == 403
    reply = api(world.admin).post(f"{address}hide/", {"reason": "Names."})
    assert (reply.status_code, reply.json()["hidden_reason"]) == (200, "Names.")
    assert api(world.admin).post(f"{address}hide/", {"reason": "Names."}).status_code == 409
    assert api(world.ours.broker_user).get(address).status_code == 404
    assert api(world.ours.bd_user).get(address).json()["hidden_reason"] == "Names."
    assert api(world.ours.client_user).get(address).json()["hidden_reason"] == ""
    assert api(world.admin).get(f"{URL}summary/").json()["count"] == 0
    assert Review.objects.get().title == "Quick and clear"


def test_the_summary_is_of_what_one_sees(world, api, settled):
    written(world, settled)
    for number, rating in enumerate((5, 5)):
        Review.objects.create(
            application=world.theirs.application if number else settled,
            borrower=world.theirs.borrower,
            author=world.theirs.client_user,
            rating=rating,
            title="Good",
        )
    whole = api(world.admin).get(f"{URL}summary/").json()
    assert (whole["count"], whole["average"]) == (3, "4.67")
    assert [row["count"] for row in whole["distribution"]] == [0, 0, 0, 1, 2]
    ours = api(world.ours.broker_user).get(f"{URL}summary/").json()
    assert (ours["count"], ours["average"]) == (2, "4.50")
    of_broker = api(world.admin).get(f"{URL}summary/?broker={world.theirs.broker.pk}").json()
    assert (of_broker["count"], of_broker["average"]) == (1, "5.00")
    of_branch = api(world.admin).get(f"{URL}summary/?branch={world.ours.branch.pk}").json()
    assert of_branch["count"] == 2
    none = api(world.admin).get(f"{URL}summary/?rating=1").json()
    assert (none["count"], none["average"]) == (0, None)
