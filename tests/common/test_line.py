"""What is replaced is heard before whoever replaced it goes on; silence is trusted for a moment only."""

from contextlib import nullcontext
from threading import Thread

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from crm_backend.common import line as lines
from crm_backend.common import roundtrip
from crm_backend.common.counters import redis_client
from crm_backend.common.line import Line
from crm_backend.common.roundtrip import Trip, replace
from crm_backend.common.throttling import Window, count
from tests.redis_news import only_keys_are_told

NAME = "tests"
KEY_SECONDS = 60


@pytest.fixture
def others_may_empty_redis():
    """What it tells of that is heard, where the test is about it."""
    return False


@pytest.fixture(autouse=True)
def patient(monkeypatch, others_may_empty_redis):
    """Nothing here is about how fast this machine is, or about what runs beside it."""
    monkeypatch.setattr(lines, "TRUSTED_SECONDS", 600)
    with nullcontext() if others_may_empty_redis else only_keys_are_told():
        # A token that is made is news of it as well, so that the next trip reads it once more.
        Trip().generation(NAME)
        roundtrip.line.lose()
        yield
    roundtrip.line.lose()


@pytest.fixture
def trips(monkeypatch):
    """The keys of every trip from now on."""
    made, run = [], roundtrip._run

    def noted(script, keys, *rest):
        made.append(keys)
        return run(script, keys, *rest)

    monkeypatch.setattr(roundtrip, "_run", noted)
    return made


def other():
    """The line of another process."""
    made = Line(lambda: roundtrip._new_connection(protocol=3))
    assert made.is_open()
    return made


def window(limit=100_000, name="window"):
    return Window(f"tests:{name}:{limit}", limit, KEY_SECONDS, KEY_SECONDS)


def number(limit=100_000):
    """The number of one more request in a window."""
    trip, one = Trip(), window(limit)
    count(trip, [one], generations=[NAME])
    return trip.counted[one.name]


# --- generations --------------------------------------------------------------------------------------


def test_what_was_read_is_known_until_it_is_replaced(trips):
    first = Trip().generation(NAME)
    assert [Trip().generation(NAME) for _ in range(3)] == [first] * 3
    assert len(trips) == 1
    replace(NAME)
    assert Trip().generation(NAME) != first
    assert len(trips) == 3


def test_every_process_has_heard_of_it_when_whoever_replaced_it_goes_on():
    processes = [other() for _ in range(3)]
    key = roundtrip._generation_key(NAME)
    for _ in range(200):
        for process in processes:
            process.learn({key: str(process.ask("GET", key))}, {})
            assert process.is_current()
            assert key in process.tokens
        replace(NAME)
        for process in processes:
            assert process.is_current()
            assert key not in process.tokens
    for process in processes:
        process.lose()


def test_a_token_that_comes_with_word_of_the_next_one_is_not_kept():
    process, key = other(), roundtrip._generation_key(NAME)
    old = process.ask("GET", key)
    replace(NAME)
    process.learn({key: str(old)}, {})
    assert process.is_current()
    assert key not in process.tokens
    process.lose()


@pytest.mark.parametrize("others_may_empty_redis", [True])
def test_emptied_redis_leaves_nothing_known(others_may_empty_redis):
    first = Trip().generation(NAME)
    assert number() == 1
    cache.clear()
    assert Trip().generation(NAME) != first
    assert number() == 1


# --- silence ------------------------------------------------------------------------------------------


def test_silence_is_trusted_for_a_moment_only(trips, monkeypatch):
    for _ in range(2):
        Trip().generation(NAME)
    assert len(trips) == 1
    monkeypatch.setattr(lines, "TRUSTED_SECONDS", -1)
    for _ in range(2):
        Trip().generation(NAME)
    assert len(trips) == 3


def test_a_line_that_the_server_ends_says_nothing_any_more(trips):
    first = Trip().generation(NAME)
    redis_client().client_kill_filter(_id=roundtrip.line.ask("CLIENT", "ID"))
    # Nothing of this change is heard.
    assert redis_client().set(roundtrip._generation_key(NAME), "another")
    assert Trip().generation(NAME) == "another" != first
    assert len(trips) == 2


def test_a_server_that_tells_nobody_is_asked_each_time(trips, monkeypatch):
    asked = Line._asked

    def refused(line, command):
        if command[0] == "CLIENT":
            raise ResponseError("unknown subcommand")
        return asked(line, command)

    monkeypatch.setattr(Line, "_asked", refused)
    first = Trip().generation(NAME)
    assert [Trip().generation(NAME) for _ in range(2)] == [first] * 2
    assert len(trips) == 3
    assert [number() for _ in range(3)] == [1, 2, 3]
    monkeypatch.undo()
    roundtrip.line.leave()


def test_a_server_that_does_not_speak_of_changes_at_all_is_asked_each_time(trips, monkeypatch):
    class Old:
        def connect(self):
            raise ResponseError("unknown command 'HELLO'")

    monkeypatch.setattr(roundtrip, "line", Line(Old))
    first = Trip().generation(NAME)
    assert [Trip().generation(NAME) for _ in range(2)] == [first] * 2
    assert len(trips) == 3


def test_a_server_that_stops_telling_is_asked_on_another_connection(monkeypatch):
    process = other()
    redis_client().client_kill_filter(_id=process.ask("CLIENT", "ID"))
    process._is_refused = True
    with pytest.raises(RedisConnectionError):
        process.ask("GET", roundtrip._generation_key(NAME))
    assert not process.is_current()


def test_a_refusal_ends_the_line_and_what_came_with_it_is_not_missed():
    process, key = other(), roundtrip._generation_key(NAME)
    # As of a server that was made a replica, with news of the key right behind it.
    refusing = "redis.call('SET', KEYS[1], 'new') return redis.error_reply('READONLY')"
    process.learn({key: str(process.ask("GET", key))}, {})
    assert process.is_current()
    with pytest.raises(ResponseError):
        process.ask("EVAL", refusing, 1, key)
    assert not process.is_current()
    assert process.is_open()
    assert process.ask("GET", key) == b"new"
    process.lose()


def test_without_redis_nothing_is_known(monkeypatch):
    Trip().generation(NAME)

    def away():
        raise RedisError("away")

    roundtrip.line.lose()
    monkeypatch.setattr(roundtrip.line, "_connect", away)
    with pytest.raises(RedisError):
        Trip().generation(NAME)


def test_who_finds_the_line_engaged_asks_on_a_connection_of_their_own(trips):
    first, found = Trip().generation(NAME), []
    with roundtrip.line.held() as is_held:
        assert is_held
        thread = Thread(target=lambda: found.append(Trip().generation(NAME)))
        thread.start()
        thread.join()
    assert found == [first]
    assert len(trips) == 2


# --- numbers ------------------------------------------------------------------------------------------


def test_numbers_are_taken_ahead_and_each_is_given_once(trips):
    assert [number() for _ in range(70)] == list(range(1, 71))
    # One, thirty-two, thirty-two, and the last few of thirty-two more.
    assert len(trips) == 4


def test_near_the_limit_every_request_counts_by_itself(trips):
    limit = 2 * roundtrip.PART
    assert [number(limit) for _ in range(limit + 2)] == list(range(1, limit + 3))
    assert len(trips) > roundtrip.PART


def test_several_processes_let_nobody_through_beyond_the_limit(monkeypatch):
    limit = 5 * roundtrip.PART
    let, processes = 0, [other() for _ in range(3)]
    for turn in range(3 * limit):
        monkeypatch.setattr(roundtrip, "line", processes[turn % 3])
        let += number(limit) <= limit
    # What one of them took ahead and did not use is nobody's: a part of what was left then.
    assert limit - 3 * (limit // roundtrip.PART) <= let <= limit
    for process in processes:
        process.lose()


def test_a_counter_without_a_limit_is_exact(trips):
    for expected in range(1, 4):
        trip = Trip()
        trip.take(counters={"tests:exact": KEY_SECONDS})
        assert trip.counted == {"tests:exact": expected}
    assert len(trips) == 3
    assert redis_client().get(cache.make_key("tests:exact")) == b"3"
