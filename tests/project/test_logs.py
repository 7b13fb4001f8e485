"""Logs are structured, carry request and user ids, and hold no bodies and no secrets."""

import json

import pytest

from crm_backend.common.logs import logging_config
from tests.clients import PASSWORD
from tests.factories import UserFactory


@pytest.fixture
def _quiet_afterwards():
    yield
    logging_config(level="CRITICAL", form="json")


@pytest.mark.django_db
@pytest.mark.usefixtures("_quiet_afterwards")
def test_each_request_is_one_json_line_with_its_ids_and_without_secrets(capsys, api):
    logging_config(level="INFO", form="json")
    user = UserFactory.create(email="logged@example.com")
    client = api()
    access = client.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json()["access"]
    client.post("/api/auth/login/", {"email": user.email, "password": "a-wrong-passphrase"})
    client.use(access)
    client.get("/api/users/profile/?token=a-token-in-the-address", headers={"x-request-id": "trace-me-1234"})

    lines = capsys.readouterr().out.splitlines()
    requests = [line for line in map(json.loads, lines) if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("POST", "/api/auth/login/", 200),
        ("POST", "/api/auth/login/", 401),
        ("GET", "/api/users/profile/", 200),
    ]
    assert requests[2]["request_id"] == "trace-me-1234"
    assert requests[2]["user_id"] == user.pk
    assert "user_id" not in requests[0]
    text = "\n".join(lines)
    for secret in (PASSWORD, "a-wrong-passphrase", user.email, "a-token-in-the-address", access, "Bearer"):
        assert secret not in text
