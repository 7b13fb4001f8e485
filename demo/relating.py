"""What is talked about with those who borrow, and what they say of it afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from applications.choices import Stage
from demo.details import Fields, draw
from demo.people import Cast
from demo.steps import Step
from demo.story import Story
from engagement.choices import Direction, InteractionKind, ReviewSubject

TALKED = 0.25  # of the applications: one is kept
REVIEWED = 0.7  # of the settled loans of those with a login
ANSWERED = 0.75
HIDDEN = 0.5  # of those with one or two stars

# Kind, who began it, on the application or the borrower, what about, what came of it, what next, minutes.
TALKS = (
    (InteractionKind.CALL, Direction.OUTBOUND, True, "Missing documents", "Sends them this week.", "", 8),
    (InteractionKind.EMAIL, Direction.INBOUND, True, "Questions about the offer", "", "Call back.", None),
    (InteractionKind.MEETING, Direction.OUTBOUND, False, "First meeting", "Knows the steps.", "List.", 45),
    (InteractionKind.CALL, Direction.INBOUND, False, "A new address", "Changed.", "", 4),
    (InteractionKind.NOTE, Direction.INTERNAL, True, "Credit team", "They see no problem.", "", None),
    (InteractionKind.SMS, Direction.OUTBOUND, False, "Reminder of the appointment", "", "", None),
)
REVIEWS = {
    5: ("Quick and friendly", "From the first call to the money it took less than I feared."),
    4: ("Good, with one hitch", "All was explained well. A document had to be sent twice."),
    3: ("It was all right", "It worked out, but I had to ask how far it was."),
    2: ("Too slow", "Weeks went by without a word."),
    1: ("Not again", "Nobody called back, and the fees were a surprise."),
}
STARS = ((5, 46), (4, 30), (3, 13), (2, 7), (1, 4))
ANSWERS = {
    True: "Thank you! It was a pleasure to work with you.",
    False: "We are sorry, and have talked about it in the team. I will call you.",
}


@dataclass(frozen=True, slots=True)
class Spoke(Step):
    """Keep what passed, on the application or on its borrower."""

    on_application: bool
    fields: Fields


@dataclass(frozen=True, slots=True)
class Reviewed(Step):
    """The borrower, whose account the actor made, reviews the loan."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Responded(Step):
    """Respond to the review."""

    response: str


@dataclass(frozen=True, slots=True)
class Hidden(Step):
    """Hide the review."""

    reason: str


def talks(rng: Random, story: Story) -> Iterator[Step]:
    """What is kept while an application is on its way."""
    if rng.random() >= TALKED:
        return
    at = story.opened_at + timedelta(minutes=rng.randrange(60, 8000))
    actor = story.bd.user if rng.random() < 0.5 else story.broker.user
    assert actor is not None
    kind, direction, on_application, subject, outcome, next_step, minutes = rng.choice(TALKS)
    fields = {
        "kind": kind.value,
        "direction": direction.value,
        "subject": subject,
        "outcome": outcome,
        "next_step": next_step,
        "duration_minutes": minutes,
        "occurred_at": at,
    }
    yield Spoke(at, actor, on_application, fields)


def reviews(rng: Random, story: Story, cast: Cast) -> Iterator[Step]:
    """The review of a settled loan by a borrower who has a login, and what is done with it."""
    settled = _settled_at(story)
    if settled is None or story.login is None or rng.random() >= REVIEWED:
        return
    at = settled + timedelta(minutes=rng.randrange(4_000, 30_000))
    stars = draw(rng, STARS)
    title, body = REVIEWS[stars]
    about = draw(rng, ((ReviewSubject.BOTH, 5), (ReviewSubject.BROKER, 3), (ReviewSubject.LENDER, 2)))
    fields = {"rating": stars, "title": title, "body": body, "about": about.value}
    yield Reviewed(at, story.actor, fields)
    admin = cast.admins[1]
    who = rng.choice((story.broker.user, story.broker.user, story.bd.user, admin))
    assert who is not None
    answered = at + timedelta(minutes=rng.randrange(200, 6_000))
    if rng.random() < ANSWERED:
        yield Responded(answered, who, ANSWERS[stars > 3])
    if stars < 3 and rng.random() < HIDDEN:
        yield Hidden(answered + timedelta(days=1), admin, "It names somebody who works here.")


def _settled_at(story: Story) -> datetime | None:
    moves = (step.at for step in story.steps if getattr(step, "to", None) == Stage.SETTLED)
    return next(moves, None)
