"""Leads, as custom reports know them."""

from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Cast, Extract, NullIf, TruncDate

from applications.choices import ApplicationType
from crm_backend.common.australia import State
from engagement.choices import LeadSource, LeadStatus, Temperature, Urgency
from engagement.models import Lead
from reports.selectors.custom_fields import (
    BRANCH_NAMES,
    RATE,
    SECONDS_IN_DAY,
    Dimension,
    Measure,
    Range,
    Source,
    Takes,
    amounts_of,
    by_name,
    names_by_id,
    parts_of,
)
from reports.shapes import Kind
from servicing.dates import business_zone
from users.models import User

CONVERTED = Q(converted_at__isnull=False)
WON = Q(status=LeadStatus.WON)
LOST = Q(status=LeadStatus.LOST)
USER_NAMES = names_by_id(User.objects.order_by, "first_name", "last_name")


def _said(name: str) -> Any:
    """A code that may be left out."""
    return NullIf(F(name), Value(""))


def _percent(part: Q, whole: Q | None = None) -> Any:
    """One count in percent of another; None of none."""
    counted = Cast(Count("pk", filter=part), RATE) * 100
    return ExpressionWrapper(
        counted / NullIf(Cast(Count("pk", filter=whole), RATE), Value(0), output_field=RATE),
        output_field=RATE,
    )


def _days_to_convert() -> Any:
    took = ExpressionWrapper(F("converted_at") - F("created_at"), output_field=DurationField())
    days = ExpressionWrapper(Extract(took, "epoch") / SECONDS_IN_DAY, output_field=RATE)
    return Avg(days, output_field=RATE)


LEADS = Source(
    "leads",
    "Leads",
    "Every lead that the reader may see, whatever became of it.",
    Lead.objects.order_by,
    by_name(
        Dimension(
            "status", "Status", lambda: F("status"), "Where it stands now.", choices=dict(LeadStatus.choices)
        ),
        Dimension(
            "source", "Source", lambda: F("source"), "How it came to us.", choices=dict(LeadSource.choices)
        ),
        Dimension(
            "temperature",
            "Temperature",
            lambda: F("temperature"),
            "What its score amounts to now.",
            choices=dict(Temperature.choices),
        ),
        Dimension(
            "urgency",
            "Urgency",
            lambda: F("urgency"),
            "How soon it should be seen to, as staff see it.",
            choices=dict(Urgency.choices),
        ),
        Dimension("branch", "Branch", lambda: F("branch_id"), "The lead's branch.", names=BRANCH_NAMES),
        Dimension("assignee", "Assignee", lambda: F("assignee_id"), "Whose it is now.", names=USER_NAMES),
        Dimension(
            "application_type",
            "Type",
            lambda: _said("application_type"),
            "The type of the loan that is wanted; none where it was not said.",
            choices=dict(ApplicationType.choices),
        ),
        Dimension(
            "state",
            "State",
            lambda: _said("state"),
            "Where they live; none where it was not said.",
            choices=dict(State.choices),
        ),
        *parts_of("created", "Created", "created_at", is_moment=True),
        *parts_of("converted", "Converted", "converted_at", is_moment=True),
    ),
    by_name(
        Measure("count", "Leads", Kind.COUNT, lambda: Count("pk"), "Number of leads."),
        Measure(
            "converted",
            "Converted",
            Kind.COUNT,
            lambda: Count("pk", filter=CONVERTED),
            "Leads that became an application, whatever came of it.",
        ),
        Measure("won", "Won", Kind.COUNT, lambda: Count("pk", filter=WON), "Leads whose loan settled."),
        Measure("lost", "Lost", Kind.COUNT, lambda: Count("pk", filter=LOST), "Leads that were lost."),
        Measure(
            "conversion_rate",
            "Conversion rate",
            Kind.PERCENT,
            lambda: _percent(CONVERTED),
            "Percent: converted / leads.",
        ),
        Measure(
            "win_rate",
            "Win rate",
            Kind.PERCENT,
            lambda: _percent(WON, WON | LOST),
            "Percent: won / (won + lost); none where there are neither.",
        ),
        Measure(
            "average_days_to_convert",
            "Days to convert",
            Kind.DAYS,
            _days_to_convert,
            "Mean of the days, of 24 hours, from coming in to the conversion.",
        ),
        *amounts_of(
            "loan_amount", "amount wanted", lambda: F("loan_amount"), "what was wanted, where it was said"
        ),
    ),
    by_name(
        Range(
            "created_on",
            "Created on",
            Takes.DATES,
            lambda: TruncDate("created_at", tzinfo=business_zone()),
            f"Its day of creation in {settings.BUSINESS_TIME_ZONE}.",
        ),
        Range(
            "converted_on",
            "Converted on",
            Takes.DATES,
            lambda: TruncDate("converted_at", tzinfo=business_zone()),
            f"The day of its conversion in {settings.BUSINESS_TIME_ZONE}.",
        ),
        Range("follow_up_on", "Follow-up on", Takes.DATES, lambda: F("follow_up_on"), "When to follow up."),
        Range("loan_amount", "Amount wanted", Takes.AMOUNTS, lambda: F("loan_amount"), "AUD."),
    ),
)
