"""Circuit breakers of outside services, shared by all processes through Redis.

After some failures in a row nobody calls for a while; then one call tries. Where Redis does not answer, calls
are made: a breaker protects, it is not needed.
"""

import pybreaker
from django.conf import settings
from redis.exceptions import RedisError

from crm_backend.common.counters import redis_client

FAILURES = 5
SECONDS = 30


def breaker_of(service: str) -> pybreaker.CircuitBreaker:
    """The breaker of a service by its name; one without a memory where Redis does not answer."""
    storage: pybreaker.CircuitBreakerStorage
    try:
        storage = pybreaker.CircuitRedisStorage(
            pybreaker.STATE_CLOSED,
            redis_client(),
            namespace=f"{settings.CACHES['default']['KEY_PREFIX']}:breaker:{service}",
        )
    except RedisError:
        storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
    return pybreaker.CircuitBreaker(
        fail_max=FAILURES, reset_timeout=SECONDS, state_storage=storage, name=service
    )
