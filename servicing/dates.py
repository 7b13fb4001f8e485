"""The business date: the day in the lender's own time zone, by which everything falls due."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def business_date(moment: datetime | None = None) -> date:
    """The lender's day at a moment, now when left out."""
    return (moment or timezone.now()).astimezone(ZoneInfo(settings.BUSINESS_TIME_ZONE)).date()
