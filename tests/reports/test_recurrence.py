"""When schedules are due, over changes of the clock, ends of months and leap years."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from reports.choices import Recurrence
from reports.recurrence import Rhythm

SYDNEY = ZoneInfo("Australia/Sydney")


def times(rhythm, after, count):
    found = []
    for _ in range(count):
        after = rhythm.after(after)
        found.append(after)
    return found


def local(rhythm, after, count):
    return [f"{one.astimezone(rhythm.zone):%m-%d %H:%M}" for one in times(rhythm, after, count)]


def test_the_hour_stays_when_the_clocks_change():
    seven = Rhythm(Recurrence.DAILY, time(7), SYDNEY)
    # On 5 April 2026 Sydney goes from UTC+11 to UTC+10.
    found = times(seven, datetime(2026, 4, 3, 21, tzinfo=UTC), 3)
    assert [f"{one:%d %H:%M}" for one in found] == ["04 21:00", "05 21:00", "06 21:00"]


def test_a_time_that_is_skipped_and_one_that_comes_twice():
    half_past_two = Rhythm(Recurrence.DAILY, time(2, 30), SYDNEY)
    # Skipped on 4 October 2026: by the offset before, which is 03:30 then.
    assert local(half_past_two, datetime(2026, 10, 2, tzinfo=UTC), 3) == [
        "10-03 02:30",
        "10-04 03:30",
        "10-05 02:30",
    ]
    # Twice on 5 April 2026: once, the first time.
    found = times(half_past_two, datetime(2026, 4, 3, 16, tzinfo=UTC), 3)
    assert [f"{one:%d %H:%M}" for one in found] == ["04 15:30", "05 16:30", "06 16:30"]


def test_a_jump_over_midnight_loses_no_day():
    # In Havana the clocks went from 00:00 to 01:00 on 8 March 2026.
    midnight = Rhythm(Recurrence.DAILY, time(0, 15), ZoneInfo("America/Havana"))
    assert local(midnight, datetime(2026, 3, 7, 5, 30, tzinfo=UTC), 3) == [
        "03-08 01:15",
        "03-09 00:15",
        "03-10 00:15",
    ]


def test_weeks_and_months():
    monday = Rhythm(Recurrence.WEEKLY, time(8), SYDNEY, weekday=1)
    assert local(monday, datetime(2026, 3, 1, tzinfo=UTC), 3) == ["03-02 08:00", "03-09 08:00", "03-16 08:00"]
    last = Rhythm(Recurrence.MONTHLY, time(6), SYDNEY, day_of_month=31)
    assert local(last, datetime(2028, 1, 31, tzinfo=UTC), 4) == [
        "02-29 06:00",
        "03-31 06:00",
        "04-30 06:00",
        "05-31 06:00",
    ]


def test_it_is_always_later_and_none_is_left_out():
    """Hour by hour over a year of two changes: the next time is the least of all that are later."""
    rhythm = Rhythm(Recurrence.DAILY, time(2, 30), SYDNEY)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    every = times(rhythm, start, 366)
    assert all(timedelta(hours=23) <= later - one <= timedelta(hours=25) for one, later in pairwise(every))
    for hours in range(0, 24 * 364, 7):
        moment = start + timedelta(hours=hours)
        assert rhythm.after(moment) == next(one for one in every if one > moment)
