"""Holding an application against its product."""

from collections.abc import Callable, Collection
from typing import Any

from applications.choices import ApplicationType, RepaymentFrequency
from applications.models import Application, Product
from crm_backend.common.errors import InvalidInput


def check_product(application: Application, *, changed: Collection[str] | None = None) -> None:
    """Refuse terms that the application's product does not allow.

    Args:
        application: as it is to be saved.
        changed: the fields that are being changed; only these are looked at, unless the product is one of
            them. What was right under earlier limits stays so until somebody touches it.

    Raises:
        InvalidInput: by field, what the product allows.
    """
    product = application.product
    if product is None:
        return
    chosen = changed is None or "product" in changed
    errors = {
        name: messages
        for name, messages in _breaches(product, application).items()
        if chosen or name in (changed or ())
    }
    if chosen and not product.is_active:
        errors["product"] = [f"{product.name} is not on offer any more."]
    if errors:
        raise InvalidInput(errors=errors)


def _breaches(product: Product, application: Application) -> dict[str, list[str]]:
    amounts = _limits(product, "loan_amount", lambda value: f"{value:,.2f} AUD")
    months = _limits(product, "loan_term", lambda value: f"{value} months")
    rates = _limits(product, "interest_rate", lambda value: f"{value.normalize():f} % a year")
    found = {
        "loan_amount": amounts(application.loan_amount),
        "approved_amount": amounts(application.approved_amount),
        "loan_term": months(application.loan_term),
        "interest_rate": rates(application.interest_rate),
        "application_type": _one_of(
            product, product.application_types, application.application_type, ApplicationType
        ),
        "repayment_frequency": _one_of(
            product, product.repayment_frequencies, application.repayment_frequency, RepaymentFrequency
        ),
    }
    return {name: [message] for name, message in found.items() if message}


def _limits(product: Product, name: str, words: Callable[[Any], str]) -> Callable[[Any], str]:
    """A check of one value against the product's limits; it answers with what is wrong, or nothing."""
    low, high = getattr(product, f"min_{name}"), getattr(product, f"max_{name}")

    def check(value: Any) -> str:
        if value is None:
            return ""
        if low is not None and value < low:
            return f"{product.name} starts at {words(low)}."
        if high is not None and value > high:
            return f"{product.name} goes up to {words(high)}."
        return ""

    return check


def _one_of(product: Product, allowed: list[str], value: str, choices: Any) -> str:
    if not allowed or value in allowed:
        return ""
    return f"{product.name} is for: {', '.join(str(choices(item).label) for item in allowed)}."
