"""Generations: another token after every change, the same until then; counters in the same trip."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from crm_backend.common import roundtrip
from crm_backend.common.counters import redis_client
from crm_backend.common.roundtrip import DATA, Trip, replace


def token(name):
    return Trip().generation(name)


def noted(monkeypatch):
    """The keys of every trip from now on."""
    trips, run = [], roundtrip._run

    def note(script, keys, *rest):
        trips.append(sorted(keys))
        return run(script, keys, *rest)

    monkeypatch.setattr(roundtrip, "_run", note)
    return trips


def test_a_token_stays_until_it_is_replaced():
    first = token("tests")
    assert (len(first), token("tests")) == (16, first)
    assert token("other") != first
    replace("tests")
    assert token("tests") != first


def test_a_token_that_redis_lost_is_another_one():
    first = token("tests")
    cache.clear()
    assert token("tests") != first


def test_a_request_sees_one_token_from_beginning_to_end():
    trip = Trip()
    first = trip.generation("tests")
    replace("tests")
    assert trip.generation("tests") == first


def test_counters_and_generations_come_in_one_trip(monkeypatch):
    trips = noted(monkeypatch)
    trip = Trip()
    trip.take(counters={"tests:a": 60, "tests:b": 30}, generations=["tests"])
    assert trip.counted == {"tests:a": 1, "tests:b": 1}
    assert trip.generation("tests") != trip.generation("other")
    assert len(trips) == 2  # the other one was not asked for
    assert trip.generation(DATA)
    assert len(trips) == 2
    again = Trip()
    again.take(counters={"tests:a": 60})
    assert again.counted == {"tests:a": 2}
    assert len(trips) == 3
    lives = [redis_client().ttl(cache.make_key(f"tests:{name}")) for name in "ab"]
    assert 30 < lives[0] <= 60
    assert 0 < lives[1] <= 30


def test_a_server_that_does_not_know_the_scripts_learns_them():
    redis_client().script_flush()
    first = token("tests")
    redis_client().script_flush()
    replace("tests")
    assert token("tests") != first


# --- connections ------------------------------------------------------------------------------------


@pytest.fixture
def engaged():
    """The line is another thread's, so that trips go by connections of their own."""
    with roundtrip.line.held():
        yield


@pytest.fixture
def idle(engaged):
    """The connection that the next trip takes."""
    roundtrip._idle.clear()
    token("tests")
    [connection] = roundtrip._idle
    return connection


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RedisTimeoutError, SystemExit])
def test_the_rest_of_a_trip_that_was_stopped_is_nobodys_reply(idle, monkeypatch, stop):
    def stopped(*args, **kwargs):
        raise stop

    monkeypatch.setattr(idle, "read_response", stopped)
    with pytest.raises(stop):
        Trip().take(counters={"tests:asked": 60, "tests:stopped": 60})
    monkeypatch.undo()
    trip = Trip()
    trip.take(counters={"tests:next": 60}, generations=["tests"])
    assert trip.counted == {"tests:next": 1}
    assert len(trip.generation("tests")) == 16
    assert idle not in roundtrip._idle


def test_a_connection_that_the_server_has_ended_is_another_one(idle):
    first = token("tests")
    redis_client().client_kill_filter(_id=_id_of(idle))
    assert token("tests") == first
    assert idle not in roundtrip._idle


def test_a_server_that_is_away_is_asked_once(engaged, monkeypatch):
    roundtrip._idle.clear()
    asked = []

    def away(connection, command):
        asked.append(connection)
        raise RedisConnectionError("away")

    monkeypatch.setattr(roundtrip, "_asked", away)
    with pytest.raises(RedisError):
        token("tests")
    assert len(asked) == 1


def test_threads_that_come_and_go_share_few_connections(idle):
    def ask():
        found.append(token("tests"))

    found, first = [], token("tests")
    for _ in range(120):  # more than the pool of the client would make in all
        thread = Thread(target=ask)
        thread.start()
        thread.join()
    assert found == [first] * 120
    assert list(roundtrip._idle) == [idle]


def test_trips_at_once_never_share_a_connection():
    def ask(number):
        trip = Trip()
        trip.take(counters={f"tests:{number}:{place}": 60 for place in range(number)}, generations=["tests"])
        return list(trip.counted.values()) == [1] * number and trip.generation("tests")

    first = token("tests")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(100))) == {first}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_the_process_takes_connections_of_its_own(idle):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, str(len(roundtrip._idle)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 9) == b"0"
    os.close(reading)
    os.close(writing)
    assert token("tests")
    assert list(roundtrip._idle) == [idle]


def _id_of(connection):
    connection.send_command("CLIENT", "ID")
    return connection.read_response()


# --- changes ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_it_is_replaced_at_once_and_again_on_commit():
    tokens = [token("tests")]
    with transaction.atomic():
        replace("tests")
        tokens.append(token("tests"))
    tokens.append(token("tests"))
    assert len(set(tokens)) == 3
    assert token("tests") == tokens[-1]


@pytest.mark.django_db(transaction=True)
def test_many_changes_of_a_transaction_are_announced_in_one_trip(monkeypatch):
    trips = noted(monkeypatch)
    a, b = (cache.make_key(f"generation:{name}") for name in "ab")
    with transaction.atomic():
        replace("a")
        replace("a")
        with transaction.atomic():
            replace("b", "a")
    assert trips == [[a], [b], [a, b]]


@pytest.mark.django_db(transaction=True)
def test_a_part_that_is_undone_takes_nothing_from_what_stays():
    with transaction.atomic():
        with transaction.atomic():
            replace("tests")
            transaction.set_rollback(True)
        replace("tests")
        before = token("tests")
    assert token("tests") != before


@pytest.mark.django_db(transaction=True)
def test_without_redis_nothing_is_changed_but_what_is_committed_stays(monkeypatch):
    def away(*args):
        raise RedisError("away")

    with transaction.atomic():
        replace("tests")
        monkeypatch.setattr(roundtrip, "_run", away)
    with pytest.raises(RedisError), transaction.atomic():
        replace("tests")


# --- announcing while something else is done --------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_announced_is_replaced_at_once_and_again_and_then_told(monkeypatch):
    done, tokens = [], [token("tests")]
    with transaction.atomic():
        announced = roundtrip.announce("tests", then=(then := lambda: done.append(token("tests"))))
        announced.wait()
        tokens.append(token("tests"))
        roundtrip.announce("tests", then=then).wait()
        tokens.append(token("tests"))
        assert not done
    assert tokens[1] == tokens[2]
    assert len({*tokens, *done}) == 3
    assert done == [token("tests")]


@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_is_not_announced_again():
    done = []
    with transaction.atomic():
        announced = roundtrip.announce("tests", then=lambda: done.append(1))
        announced.wait()
        announced.withdraw()
        second = token("tests")
    assert (token("tests"), done) == (second, [])
    with transaction.atomic():
        roundtrip.announce("tests", then=(then := lambda: done.append(2))).wait()
        later = roundtrip.announce("tests", then=then)
        later.wait()
        later.withdraw()
    assert done == [2]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_gone_and_a_script_that_is_not_known_are_made_good(idle):
    for spoil in (lambda: redis_client().client_kill_filter(_id=_id_of(idle)), redis_client().script_flush):
        first = token("tests")
        spoil()
        with transaction.atomic():
            roundtrip.announce("tests", then=lambda: None).wait()
            assert token("tests") != first


@pytest.mark.django_db(transaction=True)
def test_nothing_is_committed_unannounced(monkeypatch):
    def away(*args):
        raise RedisError("away")

    monkeypatch.setattr(roundtrip, "_run", away)
    monkeypatch.setattr(roundtrip, "_read", away)
    with pytest.raises(RedisError), transaction.atomic():
        roundtrip.announce("tests", then=lambda: None).wait()


@pytest.mark.django_db(transaction=True)
def test_what_was_announced_by_a_part_that_was_undone_is_waited_for_by_the_next():
    with transaction.atomic():
        replace("other")
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            roundtrip._forget_connections()  # so that nothing is sent before it is waited for
            roundtrip.announce("tests", then=lambda: None)
            raise ZeroDivisionError
        first = token("tests")
        roundtrip.announce("tests", then=lambda: None).wait()
        assert token("tests") != first


def test_a_write_counts_for_nobody_else():
    trip, other = Trip(writes=True), Trip(writes=True)
    assert len({trip.generation(DATA), other.generation(DATA), Trip().generation(DATA)}) == 3
    assert trip.generation("tests") == token("tests")
