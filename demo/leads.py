"""Those who ask for a loan: who, by which way, and what comes of it.

An application of a person without security may have come from a lead; beside others somebody asked as well,
for the amount and with the income of the same real loan, and did not become a borrower.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from brokers.choices import PartnershipStatus
from brokers.models import Partnership
from demo.clock import SECONDS_A_DAY, WorkingClock
from demo.details import Details, Fields, draw
from demo.loans import Loan
from demo.people import Cast, Team
from demo.steps import (
    AskedAgain,
    Assigned,
    Booked,
    CalledOff,
    Edited,
    FollowUpDue,
    Inquiry,
    LeadMove,
    Met,
    Moved,
    Reminded,
    Step,
    Talked,
)
from engagement.choices import (
    AppointmentKind,
    Direction,
    InteractionKind,
    LeadSource,
    LeadStatus,
    Timeframe,
    Urgency,
)
from engagement.hours import DAY, Hours, Span, free_slots, open_spans
from servicing.dates import day_begins
from users.choices import Role
from users.models import User

# Of the applications that could have: those that came from a lead. Of all: those beside whom somebody asked.
FROM_LEADS = 0.3
BESIDE = 0.28
LONGEST = 14  # working days from asking to applying, or to the end
ASKED_BEFORE = timedelta(days=28)  # so many days at most, holidays of the clock included
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MEETING = timedelta(minutes=45)

SOURCES = (
    (LeadSource.WEBSITE_FORM, 26), (LeadSource.GOOGLE_ADS, 14), (LeadSource.PHONE_INQUIRY, 12),
    (LeadSource.REFERRAL, 11), (LeadSource.PARTNER_REFERRAL, 11), (LeadSource.FACEBOOK_ADS, 8),
    (LeadSource.EMAIL_INQUIRY, 6), (LeadSource.BROKER_REFERRAL, 5), (LeadSource.WALK_IN, 3),
    (LeadSource.REPEAT_CUSTOMER, 3), (LeadSource.OTHER, 1),
)  # fmt: skip
# Those that brokers bring themselves; the lender's come by forms, or its BDMs enter them.
OF_BROKERS = {LeadSource.REFERRAL, LeadSource.BROKER_REFERRAL, LeadSource.REPEAT_CUSTOMER}
BY_FORM = {LeadSource.WEBSITE_FORM, LeadSource.GOOGLE_ADS, LeadSource.FACEBOOK_ADS}
CAMPAIGNS = {
    LeadSource.GOOGLE_ADS: ("google", "personal-loans"),
    LeadSource.FACEBOOK_ADS: ("facebook", "own-home"),
}
SOON = ((Timeframe.IMMEDIATE, 4), (Timeframe.ONE_MONTH, 4), (Timeframe.THREE_MONTHS, 2))
SOMETIME = (*SOON, (Timeframe.SIX_MONTHS, 3), (Timeframe.LATER, 4))
URGENCIES = ((Urgency.LOW, 2), (Urgency.MEDIUM, 5), (Urgency.HIGH, 2), (Urgency.URGENT, 1))
MESSAGES = (
    "Could you call me after five?",
    "How much could I borrow on my income?",
    "I would like to settle next month.",
    "My accountant said you are quick.",
    "We are comparing three lenders.",
)
LOST = (
    "Took an offer of their bank.", "Does not answer any more.", "The income is too low for the amount.",
    "Postponed the purchase.", "Wanted a rate that we do not have.",
)  # fmt: skip
# Kind, who began it, what about, what came of it, minutes.
FIRST_TALKS = (
    (InteractionKind.CALL, Direction.OUTBOUND, "First call", "Wants an offer.", 12),
    (InteractionKind.CALL, Direction.OUTBOUND, "First call", "Left a message.", 2),
    (InteractionKind.EMAIL, Direction.OUTBOUND, "What we need for an offer", "", None),
    (InteractionKind.SMS, Direction.INBOUND, "Please call back", "Called back.", None),
    (InteractionKind.CALL, Direction.INBOUND, "Asked how it works", "Explained the steps.", 9),
)  # fmt: skip
FURTHER_TALKS = (
    (InteractionKind.EMAIL, Direction.INBOUND, "Payslips", "They are in order.", None),
    (InteractionKind.CALL, Direction.OUTBOUND, "Amount and term", "Agreed on the amount.", 18),
    (InteractionKind.NOTE, Direction.INTERNAL, "Asked the credit team", "Looks possible.", None),
    (InteractionKind.MEETING, Direction.OUTBOUND, "At the branch", "Went through income and expenses.", 40),
    (InteractionKind.CALL, Direction.OUTBOUND, "Rate and fees", "Wants to think about it.", 15),
)  # fmt: skip
KINDS = (
    (AppointmentKind.PHONE, 4), (AppointmentKind.VIDEO, 4),
    (AppointmentKind.OFFICE, 5), (AppointmentKind.SITE, 1),
)  # fmt: skip


class Diary:
    """The times of hosts that are not taken yet."""

    def __init__(self, hours: Mapping[int, Sequence[Any]]) -> None:
        self._hours = {
            user: [Hours(row.weekday, row.opens_at, row.closes_at) for row in rows]
            for user, rows in hours.items()
        }
        self._busy: dict[int, list[Span]] = defaultdict(list)

    def take(self, rng: Random, host: User, after: datetime) -> Span:
        """One of the first times after a moment."""
        zone = ZoneInfo(host.timezone)
        first = after.astimezone(zone).date()
        spans = open_spans(self._hours[host.pk], first, first + 7 * DAY, zone)
        busy = [span for span in self._busy[host.pk] if span[1] > spans[0][0]]
        slots = [slot for slot in free_slots(spans, busy, MEETING) if slot[0] >= after]
        slot = rng.choice(slots[:12])
        self._busy[host.pk] = [*busy, slot]
        return slot


class LeadTeller:
    """Tells of leads."""

    def __init__(self, cast: Cast, clock: WorkingClock) -> None:
        self.cast = cast
        self.clock = clock
        self.diary = Diary(cast.hours)
        self._phones: set[str] = set()

    def before(
        self, rng: Random, loan: Loan, team: Team, person: Fields, people: Sequence[User], opened: int
    ) -> Inquiry | None:
        """The lead that becomes an application at so many seconds of the clock; `people` may have it."""
        return self._inquiry(rng, loan, team, person, people, opened - _days(rng, 3, LONGEST), until=opened)

    def beside(self, rng: Random, loan: Loan, team: Team, person: Fields, opened: int) -> Inquiry | None:
        """A lead of which nothing comes, from the days after an application was opened."""
        people = [one.user for one in (rng.choice(team.bdms), rng.choice(team.brokers)) if one.user]
        return self._inquiry(rng, loan, team, person, people, opened + _days(rng, 0, LONGEST))

    def _inquiry(
        self,
        rng: Random,
        loan: Loan,
        team: Team,
        person: Fields,
        people: Sequence[User],
        second: int,
        until: int | None = None,
    ) -> Inquiry | None:
        if second < SECONDS_A_DAY:
            return None  # before there was anybody to ask
        source = draw(rng, SOURCES)
        bdm, broker = people
        owner = broker if source in OF_BROKERS or rng.random() < 0.4 else bdm
        actor = self._entered_by(source, bdm, broker)
        fields = self._fields(rng, loan, person, source, is_keen=until is not None)
        if source == LeadSource.PARTNER_REFERRAL:
            fields["partnership"] = rng.choice(active(team.partners))
        if actor in self.cast.admins:
            fields["branch"] = team.branch
        inquiry = Inquiry(self._at(second), actor, owner, fields)
        steps = Journey(self, rng, inquiry, second, until).steps()
        end = self.clock.end if until is None else self._at(until)
        inquiry.steps = [step for step in sorted(steps, key=lambda step: step.at) if step.at < end]
        return inquiry if inquiry.opened_at < self.clock.end else None

    def _entered_by(self, source: LeadSource, bdm: User, broker: User) -> User:
        if source in BY_FORM:
            return self.cast.admins[0]  # whose key the website has
        return broker if source in OF_BROKERS else bdm

    def _fields(
        self, rng: Random, loan: Loan, person: Fields, source: LeadSource, *, is_keen: bool
    ) -> Fields:
        phone = "" if person["phone"] in self._phones else person["phone"]
        self._phones.add(phone)
        known = 0.85 if is_keen else 0.5
        fields: Fields = {
            **{name: person[name] for name in ("first_name", "last_name", "email", "state")},
            "phone": phone,
            "source": source.value,
            "loan_amount": loan.amount,
            "application_type": person.get("application_type", ""),
            "purpose": person.get("purpose", ""),
            "message": rng.choice(MESSAGES) if source in BY_FORM else "",
            "consent_to_contact": rng.random() < 0.95,
            "urgency": draw(rng, URGENCIES).value,
            "timeframe": draw(rng, SOON if is_keen else SOMETIME).value if rng.random() < known else "",
            "annual_income": loan.income if rng.random() < known else None,
            "deposit": self._deposit(rng, loan) if rng.random() < known / 2 else None,
            "is_decision_maker": rng.random() < 0.9 if rng.random() < known else None,
            "company_name": person.get("employer", ""),
        }
        if source in CAMPAIGNS:
            medium, campaign = CAMPAIGNS[source]
            fields |= {"utm_source": medium, "utm_medium": "cpc", "utm_campaign": campaign}
        if source in BY_FORM:
            fields["landing_page"] = "https://www.example.com/loans"
        return fields

    def _deposit(self, rng: Random, loan: Loan) -> Decimal:
        return (loan.amount * rng.randrange(5, 30) / 100).quantize(Decimal("0.01"))

    def _at(self, second: int) -> datetime:
        """The moment after so many working seconds; those that are to come lie after the end."""
        left = second - self.clock.total
        return self.clock.at(second) if left < 0 else self.clock.end + timedelta(seconds=left)


class Journey:
    """What happens to one lead."""

    def __init__(
        self, teller: LeadTeller, rng: Random, inquiry: Inquiry, second: int, until: int | None
    ) -> None:
        self.teller, self.rng, self.inquiry, self.owner = teller, rng, inquiry, inquiry.owner
        self.until = until
        last = until if until is not None else second + _days(rng, 4, LONGEST)
        # Five moments between asking and the end, in order.
        parts = sorted(rng.uniform(0.04, 0.92) for _ in range(5))
        self.times = [teller._at(second + int((last - second) * part)) for part in parts]
        self.last = teller._at(last)

    def steps(self) -> Iterator[Step]:
        """All of it, also what is still to come."""
        rng, (given, first, again, second, booked) = self.rng, self.times
        is_kept = self.until is not None
        if self.inquiry.actor.role != Role.BROKER:  # whose leads are their own
            yield Assigned(given, self.inquiry.actor, self.owner)
        yield self._talk(first, FIRST_TALKS)
        yield LeadMove(first + 3 * MINUTE, self.owner, LeadStatus.CONTACTED)
        if rng.random() < 0.12:
            yield AskedAgain(again, self.inquiry.actor)
        end = self.last
        if rng.random() < (0.9 if is_kept else 0.5):
            yield self._talk(second, FURTHER_TALKS)
            yield LeadMove(second + 4 * MINUTE, self.owner, LeadStatus.QUALIFIED)
            if rng.random() < 0.6:
                meeting = list(self._meeting(booked))
                # A meeting that would come after the application is not held.
                if not is_kept or meeting[-1].at < end:
                    yield from meeting
                    end = max(end, meeting[-1].at + HOUR)
        if not is_kept:
            yield from self._ending(end)

    def _talk(self, at: datetime, talks: Sequence[tuple[Any, ...]]) -> Talked:
        kind, direction, subject, outcome, minutes = self.rng.choice(talks)
        fields = {
            "kind": kind.value,
            "direction": direction.value,
            "subject": subject,
            "outcome": outcome,
            "duration_minutes": minutes,
            "occurred_at": at,
        }
        return Talked(at, self.owner, fields)

    def _meeting(self, at: datetime) -> Iterator[Step]:
        rng, host = self.rng, self.owner
        at += 5 * MINUTE  # after the talk that led to it, should that be at the same time
        start, end = slot = self.teller.diary.take(rng, host, at + 20 * HOUR)
        kind = draw(rng, KINDS)
        yield Booked(at, host, self._booking(kind, slot))
        yield LeadMove(at + MINUTE, host, LeadStatus.APPOINTMENT_SCHEDULED)
        fate, change = rng.random(), at + (start - at) * 0.7
        if fate < 0.1:
            later = self.teller.diary.take(rng, host, end + 20 * HOUR)
            yield from self._reminders(at, start, change)
            yield Moved(change, host, later, "The client asked for another day.")
            at, (start, end) = change, later
        elif fate < 0.22:
            yield from self._reminders(at, start, change)
            yield CalledOff(change, host, "The client is ill.")
            return
        yield from self._reminders(at, start, start)
        came = rng.random() < 0.85
        yield Met(end + 10 * MINUTE, host, came, "Knows what to send us." if came else "")

    def _booking(self, kind: AppointmentKind, slot: Span) -> Fields:
        number = self.rng.getrandbits(128)
        places = {
            AppointmentKind.OFFICE: {"location": "At the branch"},
            AppointmentKind.SITE: {"location": "At the client's"},
            AppointmentKind.VIDEO: {"link": f"https://meet.example.com/{number:032x}"[:44]},
            AppointmentKind.PHONE: {},
        }
        asked = self.inquiry.fields
        return {
            "title": f"{kind.label} with {asked['first_name']} {asked['last_name']}",
            "kind": kind.value,
            "starts_at": slot[0],
            "ends_at": slot[1],
            "uid": uuid.UUID(int=number, version=4),
            **places[kind],
        }

    def _reminders(self, since: datetime, start: datetime, until: datetime) -> Iterator[Step]:
        """A day and an hour before, where that is after it was booked and before it is moved."""
        for before in (DAY, HOUR):
            if since < start - before < until:
                yield Reminded(start - before, self.owner)

    def _ending(self, at: datetime) -> Iterator[Step]:
        rng = self.rng
        if rng.random() < 0.65:
            yield LeadMove(at, self.owner, LeadStatus.LOST, rng.choice(LOST))
            return
        day: date = at.date() + timedelta(days=rng.randrange(15, 70))
        yield LeadMove(at, self.owner, LeadStatus.NURTURE)
        yield Edited(at + MINUTE, self.owner, {"follow_up_on": day})
        yield FollowUpDue(day_begins(day) + 5 * MINUTE, self.owner)


def active(partners: Sequence[Partnership]) -> list[Partnership]:
    """Those that take referrals."""
    return [partner for partner in partners if partner.status == PartnershipStatus.ACTIVE]


def asker(rng: Random, loan: Loan, mailbox: str) -> Fields:
    """Somebody who asks, in the state of a loan."""
    details = Details(rng)
    employer = details.job()["employer"] if rng.random() < 0.3 else ""
    return {
        **details.person(mailbox),
        "phone": details.phone(loan.state),
        "state": loan.state.value,
        "employer": employer,
    }


def _days(rng: Random, least: int, most: int) -> int:
    """So many working days, in seconds."""
    return int(rng.uniform(least, most) * SECONDS_A_DAY)
