"""Running the funding calculator for an application."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from decimal import Decimal
from typing import Any

from django.db import transaction

from applications.events import FundingCalculated
from applications.funding import FundingInput, calculate
from applications.models import Application, FundingCalculation
from applications.selectors.applications import security_total
from crm_backend.common.errors import InvalidInput
from events.services import emit


def input_as_json(terms: FundingInput) -> dict[str, Any]:
    """As the API takes them: months as numbers, amounts and rates without binary rounding."""
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(terms).items()
    }


def funding_calculate(
    *, application: Application, terms: Mapping[str, Any], actor: Any
) -> FundingCalculation:
    """Work the table out on the application's present terms and keep it beside the earlier ones.

    What `terms` leave out is as the application's product says.

    Raises:
        InvalidInput: by field, what neither of them gives.
    """
    given = _complete(application, terms)
    with transaction.atomic(savepoint=False):
        result = calculate(
            given,
            loan_amount=application.loan_amount,
            interest_rate=application.interest_rate,
            loan_term=application.loan_term,
            security_value=security_total(application),
        )
        calculation = FundingCalculation.objects.create(
            application=application,
            input=input_as_json(given),
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


def _complete(application: Application, terms: Mapping[str, Any]) -> FundingInput:
    product = application.product
    usual = {field.name: getattr(product, field.name) for field in fields(FundingInput)} if product else {}
    complete = {
        **{name: value for name, value in usual.items() if value is not None},
        **{name: value for name, value in terms.items() if value is not None},
    }
    missing = {
        field.name: ["Neither the request nor the product gives this."]
        for field in fields(FundingInput)
        if field.default is MISSING and field.name not in complete
    }
    if missing:
        raise InvalidInput(errors=missing)
    return FundingInput(**complete)
