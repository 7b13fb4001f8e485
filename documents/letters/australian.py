"""Amounts, rates and dates as Australian letters have them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def money(amount: Decimal | None) -> str:
    """AUD: `A$1,234.50`, `−A$5.00`; nothing for an unknown amount."""
    if amount is None:
        return ""
    rounded = Decimal(amount).quantize(CENT, ROUND_HALF_UP)
    return f"{'−' if rounded < 0 else ''}A${abs(rounded):,.2f}"


def percent(rate: Decimal | None) -> str:
    """Percent with at least two decimals, no more than it has: `6.25%`, `6.125%`."""
    if rate is None:
        return ""
    whole, _, decimals = f"{Decimal(rate):.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}%"


def long_date(day: date | None) -> str:
    """`26 November 2026`."""
    return f"{day.day} {day:%B %Y}" if day else ""


def short_date(day: date | None) -> str:
    """`26/11/2026`."""
    return f"{day:%d/%m/%Y}" if day else ""


def moment(time: datetime | None) -> str:
    """A time with its zone, `26 November 2026, 14:05:09 AEDT`; the caller chooses the zone."""
    return f"{time.day} {time:%B %Y, %H:%M:%S %Z}" if time else ""


def months(number: int) -> str:
    """`18 months`, `1 month`, and years beside whole ones: `360 months (30 years)`."""
    text = f"{number} month{'' if number == 1 else 's'}"
    years, rest = divmod(number, 12)
    return text if rest or not years else f"{text} ({years} year{'' if years == 1 else 's'})"


def listed(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def spaced(number: str, *groups: int) -> str:
    """Digits in groups, the rest at the end: an ABN is `spaced(abn, 2, 3, 3, 3)`."""
    parts, rest = [], number
    for size in groups:
        parts.append(rest[:size])
        rest = rest[size:]
    return " ".join(part for part in (*parts, rest) if part)
