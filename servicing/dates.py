"""The business date: the day in the lender's own time zone, by which everything falls due."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models.functions import Now, TruncDate
from django.utils import timezone


def business_zone() -> ZoneInfo:
    """The lender's own time zone."""
    return ZoneInfo(settings.BUSINESS_TIME_ZONE)


def business_date(moment: datetime | None = None) -> date:
    """The lender's day at a moment, now when left out."""
    return (moment or timezone.now()).astimezone(business_zone()).date()


def day_begins(day: date) -> datetime:
    """The moment at which a business day begins."""
    return datetime.combine(day, time(), business_zone())


def business_today() -> TruncDate:
    """The lender's day as the database finds it: for statements that are compiled and kept."""
    return TruncDate(Now(), tzinfo=business_zone())
