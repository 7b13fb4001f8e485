"""Which hours are free, from hours by a host's own clock. Pure: no database, no clock.

A time that a clock jumps over, or shows twice, is read as RFC 5545 (3.3.5) reads it: by the offset before the
jump, and as the first of the two. Python's `fold=0` is the same rule.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hours:
    """Weekly (`weekday` is 1 for Monday) or additional hours; without `opens` and `closes`, days off."""

    weekday: int | None = None
    opens: time | None = None
    closes: time | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it says something of a day."""
        if self.weekday not in (None, day.isoweekday()):
            return False
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


def open_spans(hours: Iterable[Hours], first: date, last: date, zone: ZoneInfo) -> list[Span]:
    """When there are office hours on the days from first to last: UTC, in order, without overlaps."""
    known = list(hours)
    spans = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        todays = [one for one in known if one.holds_on(day)]
        if not any(one.opens is None for one in todays):
            spans += [_utc(day, one, zone) for one in todays]
    return _joined(span for span in spans if span[0] < span[1])


def _utc(day: date, hours: Hours, zone: ZoneInfo) -> Span:
    assert hours.opens is not None
    assert hours.closes is not None
    opens, closes = (datetime.combine(day, at, zone) for at in (hours.opens, hours.closes))
    return opens.astimezone(UTC), closes.astimezone(UTC)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def free_slots(
    open_: Iterable[Span], busy: Iterable[Span], length: timedelta, *, buffer: timedelta = timedelta(0)
) -> Iterator[Span]:
    """Slots of a length, one after the other, that keep a distance from everything busy.

    Open hours are in order and without overlaps, as `open_spans` has them.
    """
    taken = _joined((start - buffer, end + buffer) for start, end in busy)
    passed = 0
    for opens, closes in open_:
        start = opens
        while start + length <= closes:
            # Both are in order, so that what ended before one slot is not looked at for the next.
            while passed < len(taken) and taken[passed][1] <= start:
                passed += 1
            if passed < len(taken) and taken[passed][0] < start + length:
                start = taken[passed][1]
            else:
                yield start, start + length
                start += length


def days_of(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The first and last day, by the clocks of a zone, that a span touches."""
    return start.astimezone(zone).date(), end.astimezone(zone).date()


def is_within(span: Span, open_: Iterable[Span]) -> bool:
    """Whether there are office hours all the time."""
    return any(opens <= span[0] and span[1] <= closes for opens, closes in open_)
