"""What apps above have to do before an application goes, in the transaction that deletes it."""

from collections.abc import Callable
from typing import Any

from applications.models import Application

# Of an application, whose row is locked, and who deletes it.
Departure = Callable[[Application, Any], None]
_departures: list[Departure] = []


def register(departure: Departure) -> None:
    """Have it called before an application is deleted; apps do so in their `projections.py`."""
    _departures.append(departure)


def depart(application: Application, actor: Any) -> None:
    """Do all of it."""
    for departure in _departures:
        departure(application, actor)
