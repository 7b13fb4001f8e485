"""Replies to requests that are right but unusual."""

import pytest

pytestmark = pytest.mark.django_db


def test_a_new_company_is_where_the_reply_says(world, api):
    client = api(world.ours.broker_user)
    body = {"company_name": "Acme Pty Ltd", "abn": "51824753556"}
    reply = client.post("/api/borrowers/company/", body)
    assert reply.status_code == 201
    assert reply["Location"].endswith(f"/api/borrowers/{reply.json()['id']}/")
    assert client.get(reply["Location"]).status_code == 200


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_type_of_notification_that_is_named_needs_its_channels(world, api, method):
    client = api(world.ours.client_user)
    kinds = client.get("/api/users/notification-preferences/").json() if method == "put" else {}
    reply = getattr(client, method)(
        "/api/users/notification-preferences/", {**kinds, "application_status": {}}
    )
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"application_status": {"in_app": ["This field is required."]}}
