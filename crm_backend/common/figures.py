"""Figures that people read: to two decimals, half up, and None where there is nothing to tell."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

_DAY = timedelta(days=1) // timedelta(microseconds=1)


def hundredths(value: Decimal) -> Decimal:
    """To two decimals, half up."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """Percent; None of nothing."""
    return hundredths(Decimal(part) * 100 / Decimal(whole)) if whole else None


def mean(total: Decimal | int, count: Decimal | int) -> Decimal | None:
    """An average; None of nothing."""
    return hundredths(Decimal(total) / Decimal(count)) if count else None


def days(took: timedelta | None) -> Decimal | None:
    """Days of 24 hours; None where nothing was measured."""
    return None if took is None else hundredths(Decimal(took // timedelta(microseconds=1)) / _DAY)
