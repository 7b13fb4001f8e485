"""What every test can use: real servers, a small book of people and loans, clients with real tokens.

Without DATABASE_URL and REDIS_URL the run starts its own PostgreSQL and Valkey. Under xdist each worker
has a database, a Redis database and a key prefix of its own.
"""

import copy
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.plugins.routes", "tests.plugins.reports"]

ROOT = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
MEDIA = ROOT / "var" / "test-media" / (WORKER or "main")
_servers: Any = None


def _start_servers() -> None:
    """Start what is missing and point the settings at it, before Django reads them."""
    global _servers
    if {"DATABASE_URL", "REDIS_URL"} - set(os.environ):
        from crm_backend.embedded.servers import EmbeddedServers

        _servers = EmbeddedServers(ROOT / "var" / "test-servers", durable=False)
        _servers.start()
        if "DATABASE_URL" not in os.environ:
            os.environ["TEST_TEMPLATE_LOCK"] = str(ROOT / "var" / "test-servers" / "template.lock")
        os.environ.setdefault("DATABASE_URL", _servers.database_url)
        os.environ.setdefault("REDIS_URL", _servers.redis_url)


def _configure() -> None:
    os.environ.update(
        ENVIRONMENT="test",
        SECRET_KEY=os.environ.get("TEST_SECRET_KEY") or secrets.token_urlsafe(64),
        DEBUG="false",
        DATABASE_POOL_SIZE="0",
        EMAIL_URL="memory://",
        LOG_LEVEL="CRITICAL",
        # As long as it goes: what ends or changes a login has to be announced, and does not end by itself.
        LOGIN_CACHE_SECONDS="300",
        THROTTLE_USER="1000000/minute",
        THROTTLE_API_KEY="1000000/minute",
        THROTTLE_ANONYMOUS="1000000/minute",
        THROTTLE_AUTH="1000000/minute",
        THROTTLE_UPLOAD="1000000/minute",
        DJANGO_SETTINGS_MODULE="crm_backend.settings",
        # One secret for the run: processes that tests start must know the same tokens.
        TEST_SECRET_KEY=os.environ.get("TEST_SECRET_KEY") or "",
    )
    os.environ["TEST_SECRET_KEY"] = os.environ["SECRET_KEY"]
    number = int(WORKER.removeprefix("gw") or 0) + 1
    if WORKER or _servers is not None:
        os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"
    os.environ["REDIS_PREFIX"] = f"test-{WORKER or 'main'}"
    os.environ["MEDIA_ROOT"] = str(MEDIA)


if "DJANGO_SETTINGS_MODULE" in os.environ:
    # pytest-django would have read them already, with the addresses of other servers.
    raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests make their own settings.")
_start_servers()
_configure()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let every worker come to settings of its own, instead of reading ours before its conftest runs."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_configure(config: pytest.Config) -> None:
    """Set Django up here, because its settings could not be named in a file: they depend on the servers."""
    import django

    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that this run started, and delete the files that it kept."""
    shutil.rmtree(MEDIA, ignore_errors=True)
    if _servers is not None:
        _servers.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """Copy the test database from a migrated one, where the server is our own."""
    from django.db import connection

    from tests.templates import migrated

    if lock := os.environ.get("TEST_TEMPLATE_LOCK"):
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated(ROOT, Path(lock))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tables be emptied between tests, those of the ledger too, which their triggers refuse."""
    from tests import emptying
    from tests.servicing.kit import truncation

    emptying.install()

    with django_db_blocker.unblock():
        truncation("DISABLE")


@pytest.fixture(scope="session", autouse=True)
def _fast_passwords() -> None:
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def _described_messages() -> None:
    """Hold everything that any socket sends in any test against the models of its consumer."""
    from crm_backend.common.sockets import check_sent
    from integrations.consumers import GatewayConsumer
    from users.websocket import AuthenticatedConsumer

    send = AuthenticatedConsumer.send

    async def checked(self: Any, text_data: Any = None, bytes_data: Any = None, close: bool = False) -> None:
        check_sent(type(self), text_data if text_data is not None else bytes_data)
        await send(self, text_data=text_data, bytes_data=bytes_data, close=close)

    AuthenticatedConsumer.send = checked
    GatewayConsumer.send = checked


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Counters, lock-outs and queues of one test do not reach the next."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def dispatch() -> Callable[[], int]:
    """Do what the worker would: project and deliver every event that is due."""
    from events.dispatcher import dispatch_pending

    return dispatch_pending


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """`work(name)`: do what was queued under this name since the last time, as a worker would; how often."""
    from celery import current_app

    current_app.loader.import_default_modules()  # as a worker does when it starts
    queued: list[tuple[str, str]] = []

    def send_task(name: str, kwargs: Any = None) -> None:
        queued.append((name, json.dumps(kwargs or {})))

    def run(name: str) -> int:
        due = [kwargs for queued_name, kwargs in queued if queued_name == name]
        queued.clear()
        for kwargs in due:
            current_app.tasks[name](**json.loads(kwargs))
        return len(due)

    monkeypatch.setattr(current_app, "send_task", send_task)
    return run


@pytest.fixture
def api() -> Callable[..., Any]:
    """`api(user)` is a client with a real login of that user; `api()` has none."""
    from tests.clients import ApiClient

    return ApiClient


@pytest.fixture
def world(request: pytest.FixtureRequest, db: None) -> Any:
    """Two of everything, so that there is always somebody else: see `tests.factories.World`."""
    from tests.factories import World

    if "one_world" in request.fixturenames:
        return copy.deepcopy(request.getfixturevalue("one_world"))
    return World()


@pytest.fixture(scope="module")
def one_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """The rows of `world` made once for a file of many short tests (`usefixtures("one_world")`).

    Each test begins with them, whatever the one before wrote: around each is a savepoint.
    """
    from django.db import transaction

    from tests.factories import World
    from tests.writes import as_if_none

    block = as_if_none(transaction.atomic())
    with django_db_blocker.unblock():
        block.__enter__()
        made = World()
    yield made
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


@pytest.fixture
def mailbox() -> list[Any]:
    """Mail that was sent during the test."""
    from django.core import mail

    mail.outbox = []
    return mail.outbox
