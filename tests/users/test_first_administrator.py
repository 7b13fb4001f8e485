"""An installation without demo data gets its first administrator from the command line."""

import pytest
from django.core.management import call_command

from users.models import User


@pytest.mark.django_db
def test_createsuperuser_makes_an_administrator_who_can_log_in(api, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "paper lantern over the harbour")
    names = {"first_name": "Ada", "last_name": "Min"}
    call_command("createsuperuser", "--no-input", email="First@Example.com", **names, verbosity=0)
    login = {"email": "first@example.com", "password": "paper lantern over the harbour"}
    reply = api().post("/api/auth/login/", login)
    assert reply.status_code == 200
    assert reply.json()["role"] == "admin"
    assert User.objects.get().email == "first@example.com"
