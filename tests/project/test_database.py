"""How statements reach PostgreSQL."""

import pytest
from django.conf import settings
from django.db import connection

from crm_backend.settings import _database
from users.models import User


@pytest.mark.parametrize("pool_size", [0, 5])
def test_statements_are_bound_by_the_server_and_prepared_with_and_without_a_pool(pool_size):
    options = _database("postgresql://crm:secret@localhost/crm", pool_size)["OPTIONS"]
    assert (options["server_side_binding"], options["prepare_threshold"]) == (True, 3)


@pytest.mark.django_db
def test_what_a_connection_runs_often_it_keeps_prepared():
    for email in "abcdefgh":
        assert not User.objects.filter(email=email).exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE statement LIKE %s",
            ['%FROM "users_user" WHERE "users_user"."email" = $2 LIMIT 1'],
        )
        assert cursor.fetchall() == [(["integer", "text"],)]
    assert settings.DATABASES["default"]["OPTIONS"]["server_side_binding"] is True
