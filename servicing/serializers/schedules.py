"""Shapes of the schedule engine: terms in, instalments out."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rest_framework import serializers

from crm_backend.common.australia import State
from crm_backend.common.serializers import Serializer
from servicing.calendars import holidays_of
from servicing.schedule import (
    Adjustment,
    BusinessDays,
    DayCount,
    Effect,
    ExtraPayment,
    Frequency,
    Method,
    Rounding,
    RoundingMode,
    Schedule,
    Terms,
    Unit,
)
from servicing.schedule.terms import CENT, MAX_DAYS, MAX_RATE

MAX_EXTRA_PAYMENTS = 1000
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


def _amount(minimum: Decimal = CENT, **kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=minimum, **kwargs)


def _choice(kind: type[StrEnum], **kwargs: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField([(item.value, _WORDS.get(item, _spoken(item))) for item in kind], **kwargs)


def _spoken(item: StrEnum) -> str:
    return item.value.replace("_", " ").capitalize()


_WORDS: dict[StrEnum, str] = {
    Method.BULLET: "Interest is capitalised in each period, and all is paid at the end",
    DayCount.THIRTY_360: "30E/360; a whole month has 30 days",
    DayCount.ACT_365: "Actual days over 365",
    DayCount.ACT_360: "Actual days over 360",
    DayCount.ACT_ACT: "Actual days over those of their year (ISDA)",
    DayCount.EQUAL_PERIODS: "Rate ÷ periods in a year: 12 months, 52 weeks, 365 days, by the step",
}


def _money(**kwargs: Any) -> serializers.DecimalField:
    # As wide as the engine's sums: what is worked out has no greatest amount.
    return serializers.DecimalField(max_digits=40, decimal_places=2, **kwargs)


class FrequencySerializer(Serializer):
    """The step between due dates: 1 month, 3 months, 2 weeks, 30 days."""

    unit = _choice(Unit)
    every = serializers.IntegerField(min_value=1, max_value=MAX_DAYS)


class RoundingSerializer(Serializer):
    """How interest and instalments are rounded."""

    mode = _choice(RoundingMode)
    instalment_multiple = _amount(
        **OPTIONAL,
        help_text="What instalments are multiples of, AUD: 1.00 for whole dollars. The last is not.",
    )


class BusinessDaysSerializer(Serializer):
    """Due dates that are no business day move; Monday to Friday are, except holidays of the state."""

    adjustment = _choice(
        Adjustment, help_text="`modified_next` goes back where the next business day is in another month."
    )
    state = serializers.ChoiceField(State.choices)


class ExtraPaymentSerializer(Serializer):
    """Money paid on top of the instalment due."""

    date = serializers.DateField()
    amount = _amount(help_text="AUD.")
    effect = _choice(
        Effect,
        help_text="`reduce_term`: instalments stay, and end earlier. `reduce_instalment`: they are worked "
        "out anew for the same term. `next_due`: principal of the next instalments is paid ahead.",
    )


class TermsSerializer(Serializer):
    """The terms of a loan. Amounts are AUD, rates percent per annum."""

    principal = _amount(help_text="The amount lent.")
    annual_rate = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=MAX_RATE
    )
    number_of_instalments = serializers.IntegerField(
        min_value=1, max_value=MAX_DAYS, help_text="Those of grace periods included."
    )
    frequency = FrequencySerializer()
    start_date = serializers.DateField(help_text="The day of disbursement, from 1900 to 2200.")
    first_due_date = serializers.DateField(
        **OPTIONAL, help_text="One step after the start unless given: the first period is then a broken one."
    )
    method = _choice(Method)
    day_count = _choice(DayCount)
    rounding = RoundingSerializer()
    instalment_amount = _amount(
        **OPTIONAL, help_text="For `equal_instalments`: this one instead of the one worked out."
    )
    principal_percentage = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(100),
        **OPTIONAL,
        help_text="For `fixed_principal_percentage`, which needs it: what each instalment repays, percent of "
        "the principal. The last one repays the rest.",
    )
    principal_grace_periods = serializers.IntegerField(
        min_value=0,
        max_value=MAX_DAYS,
        **OPTIONAL,
        help_text="Instalments of interest only, at the beginning.",
    )
    balloon = _amount(
        Decimal(0), **OPTIONAL, help_text="Principal that is left for the last instalment to repay."
    )
    business_days = BusinessDaysSerializer(**OPTIONAL)
    extra_payments = ExtraPaymentSerializer(
        many=True,
        required=False,
        max_length=MAX_EXTRA_PAYMENTS,
    )


class InstalmentSerializer(Serializer):
    """One row. Where interest is added to the balance, principal is negative."""

    number = serializers.IntegerField()
    due_date = serializers.DateField()
    days = serializers.IntegerField(help_text="In the period, as the day count counts them.")
    interest = _money()
    principal = _money(help_text="Extra payments included.")
    total = _money(help_text="Interest and principal.")
    balance = _money(help_text="Principal outstanding after it.")


class TotalsSerializer(Serializer):
    """Sums of all rows, AUD."""

    interest = _money()
    principal = _money()
    total = _money()


class ScheduleSerializer(Serializer):
    """All instalments of a loan."""

    instalments = InstalmentSerializer(many=True)
    totals = TotalsSerializer()


def terms_of(data: Mapping[str, Any]) -> Terms:
    """The engine's terms, of validated data.

    Raises:
        ScheduleError: naming the field.
    """
    given = {name: value for name, value in data.items() if value is not None}
    frequency, rounding = given.pop("frequency"), given.pop("rounding")
    extras, moving = given.pop("extra_payments", []), given.pop("business_days", None)
    return Terms(
        method=Method(given.pop("method")),
        day_count=DayCount(given.pop("day_count")),
        frequency=Frequency(Unit(frequency["unit"]), frequency["every"]),
        rounding=Rounding(RoundingMode(rounding["mode"]), rounding.get("instalment_multiple")),
        business_days=(
            BusinessDays(Adjustment(moving["adjustment"]), holidays_of(moving["state"])) if moving else None
        ),
        extra_payments=tuple(
            ExtraPayment(extra["date"], extra["amount"], Effect(extra["effect"])) for extra in extras
        ),
        **given,
    )


def as_reply(schedule: Schedule) -> dict[str, Any]:
    """What `ScheduleSerializer` documents, without its cost: a loan may have eighteen thousand rows."""
    totals = schedule.totals
    return {
        "instalments": [
            {
                "number": row.number,
                "due_date": row.due_date.isoformat(),
                "days": row.days,
                "interest": str(row.interest),
                "principal": str(row.principal),
                "total": str(row.total),
                "balance": str(row.balance),
            }
            for row in schedule.instalments
        ],
        "totals": {name: str(getattr(totals, name)) for name in ("interest", "principal", "total")},
    }
