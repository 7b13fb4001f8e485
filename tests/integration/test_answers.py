"""Replies to requests that are right but unusual."""

import pytest
from django.db import OperationalError
from redis.exceptions import RedisError

from tests.factories import GuarantorFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_world")]


def test_a_new_company_is_where_the_reply_says(world, api):
    client = api(world.ours.broker_user)
    body = {"company_name": "Acme Pty Ltd", "abn": "51824753556"}
    reply = client.post("/api/borrowers/company/", body)
    assert reply.status_code == 201
    assert reply["Location"].endswith(f"/api/borrowers/{reply.json()['id']}/")
    assert client.get(reply["Location"]).status_code == 200


def test_a_type_of_notification_that_is_put_needs_its_channels(world, api):
    client = api(world.ours.client_user)
    kinds = client.get("/api/users/notification-preferences/").json()
    reply = client.put("/api/users/notification-preferences/", {**kinds, "application_status": {}})
    assert reply.status_code == 400
    missing = ["This field is required."]
    assert reply.json()["errors"] == {"application_status": {"in_app": missing, "email": missing}}


def test_a_write_that_would_take_the_row_out_of_sight_is_refused(world, api):
    guarantor = GuarantorFactory.create(borrower=world.ours.borrower, created_by=world.admin)
    address = f"/api/guarantors/{guarantor.pk}/"
    client = api(world.ours.broker_user)
    assert client.patch(address, {"borrower": None}).status_code == 403
    assert client.get(address).json()["borrower"] == world.ours.borrower.pk


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("crm_backend.common.roundtrip._run", RedisError("away")),
        ("users.authentication.session_of", OperationalError("away")),
    ],
)
def test_an_outage_is_503_and_not_a_defect(world, api, monkeypatch, asked, error):
    client = api(world.ours.broker_user)

    def fail(*args):
        raise error

    monkeypatch.setattr(asked, fail)
    reply = client.get("/api/users/users/me/")
    assert reply.status_code == 503
    assert reply.json()["code"] == "unavailable"


def test_only_staff_read_the_notes_of_a_stage_change(world, api):
    address = f"/api/applications/{world.ours.application.pk}"
    body = {"stage": "sent_to_lender", "notes": "The valuer is late again."}
    assert api(world.ours.bd_user).put(f"{address}/stage/", body).status_code == 200
    notes = {
        role: api(user).get(f"{address}/stage-history/").json()["results"][-1]["notes"]
        for role, user in world.ours.users.items()
    }
    assert notes == {"bd": body["notes"], "broker": "", "client": ""}
