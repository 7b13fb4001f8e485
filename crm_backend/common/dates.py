"""Days: when they begin, and those that people write, which may have begun before ours."""

from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

FURTHEST_AHEAD = timedelta(hours=14)


def midnight(day: date) -> datetime:
    """When a day begins, UTC."""
    return datetime.combine(day, time(), UTC)


def validate_not_future(value: date) -> None:
    """Refuse a date that has begun nowhere on Earth yet (the earliest time zone is UTC+14)."""
    if value > (timezone.now() + FURTHEST_AHEAD).date():
        raise ValidationError("This date lies in the future.", code="future")
