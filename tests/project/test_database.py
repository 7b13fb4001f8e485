"""How statements reach PostgreSQL."""

import os
import socket

import pytest
from django.conf import settings
from django.db import connection, connections

from crm_backend.common.postgresql.base import TRUSTED_SECONDS
from crm_backend.common.read_engine import engine
from crm_backend.settings import _database
from users.models import User


@pytest.mark.parametrize("pool_size", [0, 5])
def test_statements_are_bound_by_the_server_with_and_without_a_pool(pool_size):
    options = _database("postgresql://crm:secret@localhost/crm", pool_size)["OPTIONS"]
    assert (options["server_side_binding"], options["prepare_threshold"]) == (True, None)


def prepared(like):
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", [like])
        return cursor.fetchall()


@pytest.mark.django_db
def test_reads_are_kept_prepared_unless_what_they_find_is_more_or_less_by_a_value(world, api, monkeypatch):
    client = api(world.ours.broker_user)
    engine.large.clear()
    for _ in range(3):
        assert client.get("/api/applications/", {"limit": 17}).status_code == 200
        assert client.get("/api/applications/", {"limit": 19, "product": 1}).status_code == 200
    monkeypatch.setattr(engine, "SMALL", 0)  # whoever sees a row sees many
    for _ in range(3):
        assert client.get("/api/applications/", {"limit": 18, "product": 1}).status_code == 200
        assert not User.objects.filter(email="nobody").exists()
    engine.large.clear()
    assert len(prepared("%applications_application%LIMIT 17) AS page")) == 1
    [among_few] = prepared("%applications_application%LIMIT 19%")
    assert "few (pk)" in str(among_few)
    [only_the_trial] = prepared("%applications_application%LIMIT 18%")
    assert "few (pk)" in str(only_the_trial)
    assert prepared("%users_user%email%LIMIT 1") == []
    assert settings.DATABASES["default"]["OPTIONS"]["server_side_binding"] is True


@pytest.fixture
def kept(transactional_db):
    """A connection as a web process keeps it from request to request."""
    wrapper = connections.create_connection("default")
    wrapper.settings_dict = {**wrapper.settings_dict, "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 600}
    wrapper.connect()
    yield wrapper
    wrapper.close()


def pid_of(wrapper):
    """What a request does: look at the connection, then use it; the server process that answers."""
    wrapper.health_check_done = False
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def asked(wrapper, monkeypatch):
    """How often it was asked whether it is alive."""
    questions, is_usable = [], type(wrapper).is_usable

    def noted(asked):
        questions.append(asked)
        return is_usable(asked)

    monkeypatch.setattr(type(wrapper), "is_usable", noted)
    return questions


def test_a_connection_that_was_just_used_is_not_asked_whether_it_is_alive(kept, monkeypatch):
    questions = asked(kept, monkeypatch)
    assert pid_of(kept) == pid_of(kept)
    assert questions == []


def test_a_connection_that_rested_is_asked(kept, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("crm_backend.common.postgresql.base.time.monotonic", lambda: now[0])
    questions = asked(kept, monkeypatch)
    first = pid_of(kept)
    questions.clear()
    now[0] += TRUSTED_SECONDS + 1
    assert (pid_of(kept), len(questions)) == (first, 1)
    assert (pid_of(kept), len(questions)) == (first, 1)


def test_a_connection_that_the_server_ended_is_replaced_before_a_request_meets_it(kept):
    first = pid_of(kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)
    assert pid_of(kept) != first


def test_a_connection_whose_socket_is_gone_is_replaced(kept):
    first = pid_of(kept)
    with socket.socket(fileno=os.dup(kept.connection.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)
    assert pid_of(kept) != first
