"""Money follows the application that it belongs to, for every reader."""

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, through
from users.choices import Role


class OfApplicationQuerySet(ScopedQuerySet):
    """Rows with an `application`, seen by who sees that."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: through("application"),
        Role.CLIENT: through("application"),
    }


def money(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """An amount in AUD, positive unless said."""
    kwargs = {"validators": [MinValueValidator(Decimal("0.01"))], "help_text": "AUD.", **kwargs}
    return models.DecimalField(**{"max_digits": 14, "decimal_places": 2, **kwargs})


# Of sums of amounts: room for a million of the greatest.
SUM_DIGITS = 20


def part(**kwargs: Any) -> "models.DecimalField[Any, Any]":
    """An amount in AUD that may be zero, and is zero to begin with."""
    return money(validators=[MinValueValidator(Decimal(0))], default=Decimal("0.00"), **kwargs)
