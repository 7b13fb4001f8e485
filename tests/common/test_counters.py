"""Counters end, whatever happens between their first use and the next."""

from django.core.cache import cache

from crm_backend.common.counters import FailureCounter, increment


def test_a_counter_counts_from_one_and_has_an_end():
    assert [increment("tests:count", 60) for _ in range(3)] == [1, 2, 3]
    client = cache._cache.get_client("tests:count", write=True)
    assert 0 < client.ttl(cache.make_key("tests:count")) <= 60


def test_failures_lock_at_the_limit_and_a_success_forgets_them():
    failures = FailureCounter("tests", limit=2, window=60)
    failures.record()
    assert failures.locked_for() == 0
    failures.record()
    assert 0 < failures.locked_for() <= 60
    failures.clear()
    assert failures.locked_for() == 0
