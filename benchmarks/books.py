"""Books that are kept between runs: one database for each size, on servers of the benchmarks' own.

A book of a million applications takes minutes to grow, so it stays. What a run writes has ids from sequences,
far below those of the book (`grown.BASE`), and is taken out again when the run ends.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from crm_backend.embedded.servers import EmbeddedServers
from crm_backend.embedded.supervisor import start_when_free

if TYPE_CHECKING:
    from benchmarks.grown import Grown

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ROOT / "var" / "benchmark-servers"
NOTIFICATIONS = 1500  # of each user who asks, every third of them unread
# As on a machine of this size; the defaults are for one with 128 MB to spare. Both sides use the same server.
POSTGRES = {
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "256MB",
    "autovacuum": "off",  # it would run in the middle of one side's round
    "shared_preload_libraries": "pg_stat_statements,auto_explain",
}
# Tables that a run writes to, children first.
WRITTEN = (
    "notifications_notification",
    "notifications_outgoingmail",
    "events_event",
    "applications_stagechange",
    "applications_security",
    "applications_applicationborrower",
    "applications_searchdocument",
    "applications_application",
    "borrowers_borrower",
)


@contextmanager
def servers() -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey below `var/`, without waiting for disks, as both sides of a comparison are."""
    made = EmbeddedServers(SERVERS, durable=False, postgres_settings=POSTGRES)
    try:
        for server in (made.postgres, made.valkey):
            start_when_free(server)
        yield made
    finally:
        made.stop()


def environment(started: EmbeddedServers, database: str) -> dict[str, str]:
    """What the product's processes read: the book's database, and no limits that a benchmark would reach."""
    return {
        "DJANGO_SETTINGS_MODULE": "crm_backend.settings",
        "ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DATABASE_URL": address_of(started, database),
        "REDIS_URL": started.redis_url,
        "REDIS_PREFIX": "bench",
        "DATABASE_POOL_SIZE": "0",
        "LOG_LEVEL": "WARNING",
        "ACCESS_TOKEN_MINUTES": "1440",
        "THROTTLE_USER": "1000000000/minute",
        "THROTTLE_UPLOAD": "1000000000/minute",
    }


def address_of(started: EmbeddedServers, database: str) -> str:
    """The address of a database of the started server."""
    return f"{started.database_url.rpartition('/')[0]}/{database}"


def name_of(size: int, kind: str = "book") -> str:
    """The database of a book."""
    return f"{kind}_{size}"


def create_database(url: str, name: str) -> bool:
    """Make an empty database beside the one of the address; False when it is there."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return not found


def drop_database(url: str, name: str) -> None:
    """Delete a database, whoever is connected to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def book_of(size: int, url: str) -> Grown:
    """The book in the database that the settings name, grown if it is not there in full.

    The database is made anew when it was left half made, or by other migrations.
    """
    from django.db import connection

    name = name_of(size)
    if not create_database(url, name) and not is_whole(size):
        connection.close()
        drop_database(url, name)
        create_database(url, name)
    from benchmarks.grown import grown

    if not is_whole(size):
        _grow(size)
    clean()
    return grown(size)


def is_whole(size: int) -> bool:
    """Whether the database has a finished book of this size and of today's migrations."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('benchmark_book') IS NOT NULL")
        if not (cursor.fetchone() or (False,))[0]:
            return False
        cursor.execute("SELECT size FROM benchmark_book")
        row = cursor.fetchone()
    executor = MigrationExecutor(connection)
    return row == (size,) and not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _grow(size: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.grown import grow

    call_command("migrate", interactive=False, verbosity=0)
    book = grow(size)
    _notifications(book)
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CREATE TABLE benchmark_book (size bigint)")
        cursor.execute("INSERT INTO benchmark_book VALUES (%s)", [size])


def _notifications(book: Grown) -> None:
    """Some hundred for each who asks; in a small book each of its events gives one."""
    from benchmarks.grown import BASE
    from events.models import Event
    from notifications.models import Notification, NotificationCounter

    count = min(NOTIFICATIONS, book.size)
    events = {event.pk: event for event in Event.objects.filter(pk__lte=BASE + count)}
    for order, user in enumerate(book.users.values()):
        rows = []
        for number in range(1, count + 1):
            event = events[BASE + number]
            row = Notification(
                id=BASE + order * NOTIFICATIONS + number,
                user=user,
                seq=number,
                event=event,
                notification_type="application_status",
                title=f"New application {event.data['reference']}",
                body=f"{event.data['reference']} was opened by {event.data['actor_name']}.",
                application_id=event.application_id,
                subject_type=event.subject_type,
                subject_id=event.subject_id,
                read_at=None if number % 3 == 0 else event.occurred_at,
                created_at=event.occurred_at,
            )
            rows.append(row)
        Notification.objects.bulk_create(rows)
        NotificationCounter.objects.create(user=user, last_seq=count)


def clean() -> None:
    """Take out what runs have written, and put back what they have changed."""
    from django.db import connection

    from benchmarks.grown import BASE

    with connection.cursor() as cursor:
        for table in WRITTEN:
            column = "application_id" if table == "applications_searchdocument" else "id"
            cursor.execute(f"DELETE FROM {table} WHERE {column} < %s", [BASE])  # noqa: S608 - our own names
        cursor.execute("TRUNCATE users_session")
        cursor.execute(
            "UPDATE applications_application SET stage = 'inquiry', came_from = '', updated_at = created_at "
            "WHERE stage IN ('more_info_required', 'sent_to_lender')"
        )
    put_back_unread()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def put_back_unread() -> None:
    """Make every third notification unread again."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_notification SET read_at = NULL WHERE seq % 3 = 0 AND read_at IS NOT NULL"
        )


def tokens(book: Grown, roles: Iterator[str] | Any) -> dict[str, str]:
    """By role, an access token of a session of its own."""
    from users.services.sessions import Client, session_open

    return {role: session_open(user=book.users[role], client=Client()).access for role in roles}


def use(database: str) -> None:
    """Let this process work in another database of the same server."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = database


def settle(variables: dict[str, str]) -> None:
    """Make these the settings of this process; once, before anything of Django is used."""
    import django

    os.environ.update(variables)
    django.setup()
