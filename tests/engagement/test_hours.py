"""Office hours by the host's clock, where clocks jump and where they do not."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engagement.hours import Hours, free_slots, is_within, open_spans

SYDNEY = ZoneInfo("Australia/Sydney")
PERTH = ZoneInfo("Australia/Perth")
BRISBANE = ZoneInfo("Australia/Brisbane")
# In Sydney 2:00 becomes 3:00 on the first Sunday of October, and 3:00 becomes 2:00 on that of April.
SPRING, AUTUMN = date(2026, 10, 4), date(2026, 4, 5)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def on(day: date, opens: tuple[int, int], closes: tuple[int, int]) -> Hours:
    return Hours(opens=time(*opens), closes=time(*closes), valid_from=day, valid_until=day)


def spans(hours: list[Hours], day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    return open_spans(hours, day, day, zone)


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        (SYDNEY, date(2026, 10, 2), 23),  # 9:00 at +10, the Friday before
        (SYDNEY, date(2026, 10, 5), 22),  # 9:00 at +11, the Monday after
        (SYDNEY, date(2026, 4, 3), 22),
        (SYDNEY, date(2026, 4, 6), 23),
        (BRISBANE, date(2026, 10, 2), 23),
        (BRISBANE, date(2026, 10, 5), 23),
        (PERTH, date(2026, 10, 5), 1),
    ],
)
def test_nine_is_nine_by_the_hosts_clock(zone, day, hour):
    (span,) = spans([on(day, (9, 0), (17, 0))], day, zone)
    first = day if hour < 12 else day - timedelta(days=1)
    assert span == (at(first, hour), at(first, hour) + timedelta(hours=8))


def test_hours_over_the_gap_are_an_hour_shorter():
    (span,) = spans([on(SPRING, (1, 0), (5, 0))], SPRING, SYDNEY)
    assert span == (at(date(2026, 10, 3), 15), at(date(2026, 10, 3), 18))


def test_hours_that_are_the_gap_do_not_exist():
    assert spans([on(SPRING, (2, 0), (3, 0))], SPRING, SYDNEY) == []
    assert spans([on(SPRING, (2, 30), (3, 15))], SPRING, SYDNEY) == []


def test_a_beginning_in_the_gap_is_read_by_the_offset_before_it():
    (span,) = spans([on(SPRING, (2, 30), (5, 0))], SPRING, SYDNEY)
    assert span[0] == at(date(2026, 10, 3), 16, 30)
    assert span[0].astimezone(SYDNEY).time() == time(3, 30)


def test_hours_over_the_overlap_are_an_hour_longer():
    (span,) = spans([on(AUTUMN, (1, 0), (5, 0))], AUTUMN, SYDNEY)
    assert span == (at(date(2026, 4, 4), 14), at(date(2026, 4, 4), 19))


def test_a_time_that_is_shown_twice_is_the_first():
    (span,) = spans([on(AUTUMN, (2, 0), (2, 30))], AUTUMN, SYDNEY)
    assert span == (at(date(2026, 4, 4), 15), at(date(2026, 4, 4), 15, 30))


@pytest.mark.parametrize(("day", "slots"), [(SPRING, 3), (AUTUMN, 5), (date(2026, 6, 7), 4)])
def test_as_many_slots_as_there_are_hours(day, slots):
    open_ = spans([on(day, (1, 0), (5, 0))], day, SYDNEY)
    found = list(free_slots(open_, [], timedelta(hours=1)))
    assert len(found) == slots
    assert len({start for start, _ in found}) == slots
    assert all(end - start == timedelta(hours=1) for start, end in found)


def test_weekly_hours_hold_on_their_weekday_while_they_are_valid():
    monday = Hours(1, time(9), time(10), valid_from=date(2026, 6, 8), valid_until=date(2026, 6, 15))
    found = open_spans([monday], date(2026, 6, 1), date(2026, 6, 30), BRISBANE)
    assert [start.astimezone(BRISBANE).date() for start, _ in found] == [date(2026, 6, 8), date(2026, 6, 15)]


def test_days_off_end_weekly_and_additional_hours():
    day = date(2026, 6, 8)
    off = Hours(valid_from=day, valid_until=day)
    assert spans([Hours(1, time(9), time(10)), on(day, (12, 0), (13, 0)), off], day, PERTH) == []


def test_hours_that_touch_or_overlap_are_one():
    day = date(2026, 6, 8)
    hours = [on(day, (9, 0), (12, 0)), on(day, (12, 0), (13, 0)), on(day, (11, 0), (11, 30))]
    (span,) = spans(hours, day, BRISBANE)
    assert span[1] - span[0] == timedelta(hours=4)
    assert is_within((span[0], span[1]), [span])
    assert not is_within((span[0], span[1] + timedelta(minutes=1)), [span])


def test_slots_keep_their_distance_from_what_is_busy():
    day = date(2026, 6, 8)
    open_ = [(at(day, 0), at(day, 4))]
    busy = [(at(day, 1), at(day, 2))]
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    assert list(free_slots(open_, busy, hour)) == [
        (at(day, 0), at(day, 1)),
        (at(day, 2), at(day, 3)),
        (at(day, 3), at(day, 4)),
    ]
    assert list(free_slots(open_, busy, hour, buffer=quarter)) == [(at(day, 2, 15), at(day, 3, 15))]


class Counted(datetime):
    """A moment that counts how often it is compared."""

    looks = 0

    def __lt__(self, other: Any) -> bool:
        Counted.looks += 1
        return super().__lt__(other)


def test_a_full_calendar_is_walked_once():
    start, minute = Counted(2026, 6, 8, tzinfo=UTC), timedelta(minutes=1)
    busy = [(start + 30 * n * minute, start + (30 * n + 10) * minute) for n in range(300)]
    found = list(free_slots([(start, start + 9000 * minute)], busy, 5 * minute))
    assert len(found) == 300 * 4
    assert all(at >= end or until <= begin for at, until in found[:40] for begin, end in busy[:12])
    assert Counted.looks < 20 * (len(busy) + len(found))


def test_a_slot_does_not_fit_between_what_is_close():
    day = date(2026, 6, 8)
    busy = [(at(day, 1), at(day, 2)), (at(day, 2, 30), at(day, 3))]
    open_ = [(at(day, 0), at(day, 2)), (at(day, 2), at(day, 5))]
    assert list(free_slots(open_, busy, timedelta(hours=1))) == [
        (at(day, 0), at(day, 1)),
        (at(day, 3), at(day, 4)),
        (at(day, 4), at(day, 5)),
    ]
