"""What a process remembers is little, and not for long."""

import pytest

from crm_backend.common.recent import Recent


@pytest.fixture
def clock(monkeypatch):
    now = [50.0]
    monkeypatch.setattr("crm_backend.common.recent.time.monotonic", lambda: now[0])
    return now


def test_what_was_not_used_for_the_longest_time_makes_room(clock):
    recent = Recent(size=2, seconds=lambda: 5)
    recent.keep(b"a", 1, "g")
    recent.keep(b"b", 2, "g")
    assert recent.find(b"a").value == 1
    recent.keep(b"c", 3, "h")
    assert recent.find(b"b") is None
    assert [(recent.find(key).value, recent.find(key).generation) for key in (b"a", b"c")] == [
        (1, "g"),
        (3, "h"),
    ]


def test_its_time_ends_however_often_it_was_used(clock):
    recent = Recent(size=2, seconds=lambda: 5)
    recent.keep(b"a", 1, "g")
    for _ in range(4):
        clock[0] += 1
        assert recent.find(b"a").value == 1
    clock[0] += 1
    assert recent.find(b"a") is None


def test_no_seconds_keep_nothing(clock):
    recent = Recent(size=2, seconds=lambda: 0)
    recent.keep(b"a", 1, "g")
    assert recent.find(b"a") is None


def test_what_is_forgotten_is_gone(clock):
    recent = Recent(size=2, seconds=lambda: 5)
    for key in (b"a", b"b"):
        recent.keep(key, 1, "g")
    recent.forget(b"a")
    recent.forget(b"a")
    assert (recent.find(b"a"), recent.find(b"b").value) == (None, 1)
    recent.clear()
    assert recent.find(b"b") is None
