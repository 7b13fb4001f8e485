"""Fields that money services share: amounts, and dates that are neither to come nor absurd."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from servicing.choices import GIVEN_METHODS
from servicing.dates import business_date

OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
YEARS_BACK = 10
YEAR = timedelta(days=366)


def amount_field(**kwargs: Any) -> serializers.DecimalField:
    """An amount of money to be given, AUD."""
    kwargs = {"min_value": Decimal("0.01"), "help_text": "AUD.", **kwargs}
    return serializers.DecimalField(max_digits=14, decimal_places=2, **kwargs)


def shown_amount(**kwargs: Any) -> serializers.DecimalField:
    """An amount of money to be read, AUD."""
    return serializers.DecimalField(max_digits=20, decimal_places=2, read_only=True, **kwargs)


def validate_past(value: date) -> None:
    """Refuse a day that has not come, by the lender's own time, and one that lies ten years back."""
    today = business_date()
    if value > today:
        raise serializers.ValidationError("This date lies in the future.")
    if value < today - YEAR * YEARS_BACK:
        raise serializers.ValidationError("This date lies more than ten years back.")


def validate_near(value: date) -> None:
    """Refuse a day that lies more than ten years away."""
    if abs(value - business_date()) > YEAR * YEARS_BACK:
        raise serializers.ValidationError("This date lies more than ten years away.")


def past_date(**kwargs: Any) -> serializers.DateField:
    """A day on which something happened; today when left out."""
    kwargs = {"help_text": "Today when left out.", **OPTIONAL, **kwargs}
    return serializers.DateField(validators=[validate_past], **kwargs)


def money_method() -> serializers.ChoiceField:
    """How money came or went."""
    return serializers.ChoiceField(GIVEN_METHODS, required=False)


def text(longest: int, **kwargs: Any) -> serializers.CharField:
    """A text that may be left out."""
    return serializers.CharField(max_length=longest, **{"required": False, "allow_blank": True, **kwargs})


def without_nulls(data: dict[str, Any]) -> dict[str, Any]:
    """What was given: null is as good as nothing."""
    return {name: value for name, value in data.items() if value is not None}
