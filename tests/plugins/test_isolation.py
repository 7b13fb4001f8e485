"""Workers that run side by side do not share a database, a Redis database or a key prefix."""

import os

from django.conf import settings
from django.db import connection

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def test_redis_is_the_workers_own():
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert settings.CACHES["default"]["KEY_PREFIX"] == f"test-{WORKER or 'main'}"
    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] == f"test-{WORKER or 'main'}-ws"
    if WORKER:
        assert settings.REDIS_URL.endswith(f"/{int(WORKER.removeprefix('gw')) + 1}")


def test_the_database_is_the_workers_own(db):
    assert connection.settings_dict["NAME"].endswith(f"_{WORKER}" if WORKER else "")
