"""The whole book, in one transaction: it is there completely, or not at all.

Memory holds a chunk of stories and the events of those that are under way, never the whole book.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import count, islice
from pathlib import Path
from random import Random

from django.db import connection, transaction

from applications.models import Application
from demo.attention import write_attention
from demo.builder import Builder
from demo.clock import WorkingClock
from demo.eventlog import EventLog
from demo.leads import ASKED_BEFORE
from demo.loans import read_loans
from demo.logins import Login, write_logins
from demo.partners import Opening
from demo.people import DEMO_EMAILS, Cast, Hiring, Recorder
from demo.reporting import write_reports
from demo.stories import StoryTeller
from demo.story import Story
from demo.writer import Writer
from notifications.models import Notification
from users.models import User

CHUNK = 500
SECONDS_PER_HIRE = 5
LOCK = 0x64656D6F  # "demo": any number that nobody else locks


class NotEmptyError(Exception):
    """There are users or applications already."""


@dataclass(frozen=True)
class Book:
    """What to build.

    Attributes:
        today: the day after the last day of the book, UTC.
        seed: the same seed and day give the same book, ids and password hashes aside.
        scale: how many times each loan is told, each time with other people and dates.
        limit: how many loans to take from the file; None for all.
        logins: where to write the passwords of the demo logins.
    """

    today: date
    logins: Path
    seed: int = 1
    scale: int = 1
    limit: int | None = None


Report = Callable[[int, int], None]


def is_empty() -> bool:
    """Whether nobody and nothing is there that a demo could be mixed up with."""
    return not User.objects.all().exists() and not Application.objects.exists()


@transaction.atomic
def write_book(book: Book, report: Report = lambda done, total: None) -> dict[str, int]:
    """Write the book and its logins; return how many rows of each kind.

    Raises:
        NotEmptyError: there is something in the database.
    """
    with connection.cursor() as cursor:
        # A second run at the same time waits here, and then finds the first one's book.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if not is_empty():
        raise NotEmptyError
    logins = {role: Login(email, secrets.token_urlsafe(12)) for role, email in DEMO_EMAILS.items()}
    clock = WorkingClock(book.today)
    writer = Writer()
    log = EventLog(writer, end=clock.end)
    recorder = Recorder(writer, log)
    cast = _hire(book, clock, recorder, logins)
    loans = read_loans(book.limit)
    teller = StoryTeller(loans, clock=clock, cast=cast, seed=book.seed, scale=book.scale)
    _tell(teller, Builder(recorder, cast), cast, report)
    write_logins(book.logins, logins)  # the last step, so that no failure leaves logins without a book
    written = {**writer.written, "events": log.count, "notifications": Notification.objects.count()}
    return dict(sorted(written.items()))


def analyze() -> None:
    """Let the database count what it has, so that its first queries are planned well."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _hire(book: Book, clock: WorkingClock, recorder: Recorder, logins: dict[str, Login]) -> Cast:
    seconds = count(0, max(1, SECONDS_PER_HIRE // book.scale))
    hiring = Hiring(
        recorder,
        rng=Random(f"{book.seed}/cast"),
        now=lambda: clock.at(next(seconds)),
        passwords={role: login.password for role, login in logins.items()},
        scale=book.scale,
    )
    cast = hiring.cast()
    Opening(recorder, rng=Random(f"{book.seed}/partners"), now=hiring.now).open(cast)
    recorder.writer.flush()
    return cast


def _tell(teller: StoryTeller, builder: Builder, cast: Cast, report: Report) -> None:
    writer, log = builder.recorder.writer, builder.recorder.log
    done = 0
    for stories in _chunks(iter(teller)):
        for story in stories:
            builder.build(story)
        writer.flush()
        log.flush(until=stories[-1].opened_at - ASKED_BEFORE)
        done += len(stories)
        report(done, teller.total)
    write_attention(builder.recorder, cast)
    write_reports(builder.recorder, cast)
    log.flush()


def _chunks(stories: Iterator[Story]) -> Iterator[list[Story]]:
    while chunk := list(islice(stories, CHUNK)):
        yield chunk
