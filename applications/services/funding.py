"""Running the funding calculator for an application."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from applications.events import FundingCalculated
from applications.funding import FundingInput, calculate
from applications.models import Application, FundingCalculation
from applications.selectors.applications import security_total
from events.services import emit


def input_as_json(terms: Mapping[str, Any]) -> dict[str, Any]:
    """As the API takes them: months as a number, amounts and rates without binary rounding."""
    return {name: value if isinstance(value, int) else str(value) for name, value in terms.items()}


def funding_calculate(
    *, application: Application, terms: Mapping[str, Any], actor: Any
) -> FundingCalculation:
    """Work the table out on the application's present terms and keep it beside the earlier ones."""
    given = FundingInput(**terms)
    with transaction.atomic():
        result = calculate(
            given,
            loan_amount=application.loan_amount,
            interest_rate=application.interest_rate,
            loan_term=application.loan_term,
            security_value=security_total(application),
        )
        calculation = FundingCalculation.objects.create(
            application=application,
            input=input_as_json(terms),
            result=result.as_json(),
            calculated_by=actor,
        )
        emit(
            FundingCalculated(
                reference=application.reference_number,
                total_fees=str(result.total_fees),
                funds_available=str(result.funds_available),
            ),
            actor=actor,
            subject=application,
            application_id=application.pk,
        )
    return calculation
