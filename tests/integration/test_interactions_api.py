"""Interactions over HTTP."""

import pytest
from django.db import IntegrityError, transaction

from engagement.models import Interaction
from events.models import Event
from tests.writes import nothing_written

URL = "/api/interactions/"


def sent(**about):
    return {"kind": "call", "subject": "Payslips", "body": "They come on Monday.", **about}


def test_an_interaction_is_in_the_timelines(world, api):
    client = api(world.ours.broker_user)
    reply = client.post(URL, sent(application=world.ours.application.pk))
    assert reply.status_code == 201
    shown = reply.json()
    assert (shown["author"]["id"], shown["kind_display"], shown["direction"]) == (
        world.ours.broker_user.pk,
        "Call",
        "outbound",
    )
    other = client.post(URL, sent(borrower=world.ours.borrower.pk)).json()
    timeline = client.get(f"/api/borrowers/{world.ours.borrower.pk}/timeline/").json()["results"]
    found = {row["data"]["interaction_id"] for row in timeline if row["type"] == "interaction.logged"}
    assert found == {shown["id"], other["id"]}
    of_application = client.get(f"/api/applications/{world.ours.application.pk}/timeline/").json()["results"]
    assert [row["data"]["interaction_id"] for row in of_application] == [shown["id"]]


def test_the_client_reads_nothing_of_it(world, api):
    shown = api(world.ours.broker_user).post(URL, sent(application=world.ours.application.pk)).json()
    client = api(world.ours.client_user)
    assert client.get(URL).status_code == 403
    assert client.get(f"{URL}{shown['id']}/").status_code == 404
    timeline = client.get(f"/api/applications/{world.ours.application.pk}/timeline/").json()
    assert timeline["results"] == []


@pytest.mark.parametrize("names", [(), ("borrower", "application")])
def test_it_has_exactly_one_subject(world, api, names):
    about = {name: getattr(world.ours, name).pk for name in names}
    caller = api(world.ours.bd_user)
    with nothing_written():
        reply = caller.post(URL, sent(**about))
    assert reply.status_code == 400
    assert set(reply.json()["errors"]) == set(names or ("lead", "borrower", "application"))


def test_the_database_wants_one_subject_too(world):
    with pytest.raises(IntegrityError, match="interaction_of_one_subject"), transaction.atomic():
        Interaction.objects.create(
            author=world.admin, kind="call", subject="None", occurred_at=world.admin.created_at
        )


def test_only_what_one_sees_is_a_subject(world, api):
    for name in ("borrower", "application"):
        caller = api(world.ours.broker_user)
        with nothing_written():
            reply = caller.post(URL, sent(**{name: getattr(world.theirs, name).pk}))
        assert (reply.status_code, set(reply.json()["errors"])) == (400, {name})


def test_what_is_to_come_is_no_interaction(world, api):
    reply = api(world.ours.bd_user).post(
        URL, sent(application=world.ours.application.pk, occurred_at="2099-01-01T00:00:00Z")
    )
    assert (reply.status_code, set(reply.json()["errors"])) == (400, {"occurred_at"})


def test_the_author_edits_and_deletes(world, api):
    shown = api(world.ours.broker_user).post(URL, sent(application=world.ours.application.pk)).json()
    address = f"{URL}{shown['id']}/"
    assert api(world.ours.bd_user).patch(address, {"outcome": "Done"}).status_code == 403
    assert api(world.theirs.broker_user).get(address).status_code == 404
    assert api(world.ours.broker_user).patch(address, {"outcome": "Done"}).json()["outcome"] == "Done"
    assert Event.objects.get(type="interaction.updated").data["field_names"] == "outcome"
    assert api(world.ours.broker_user).delete(address).status_code == 204
    assert not Interaction.objects.exists()


def test_filters_and_search(world, api):
    client = api(world.ours.broker_user)
    first = client.post(URL, sent(application=world.ours.application.pk)).json()
    second = client.post(
        URL,
        sent(
            borrower=world.ours.borrower.pk,
            kind="email",
            subject="Valuation",
            occurred_at="2026-01-05T10:00:00Z",
        ),
    ).json()
    for query, found in [
        ("kind=email", second),
        ("search=payslips", first),
        (f"borrower={world.ours.borrower.pk}", second),
        (f"application={world.ours.application.pk}", first),
        ("date_from=2026-01-05&date_to=2026-01-05", second),
    ]:
        ids = [row["id"] for row in client.get(f"{URL}?{query}").json()["results"]]
        assert ids == [found["id"]], query
    assert client.get(f"{URL}?author={world.ours.bd_user.pk}").json()["count"] == 0
