"""What an approved application has to keep to: a security, and the LVR that its product allows."""

from collections.abc import Iterator

from applications.models import Application, loan_to_value
from crm_backend.common.errors import Conflict


def security_faults(application: Application) -> Iterator[str]:
    """What is wrong with the securities for an approval, in words."""
    values = [security.lending_value for security in application.securities.all()]
    ratio = loan_to_value(application.amount_to_lend, values)
    if ratio is None:
        if application.needs_security:
            yield "it needs a security with a value"
        return
    limit = application.product.max_loan_to_value_ratio if application.product else None
    if limit is not None and ratio > limit:
        yield f"its LVR is {ratio} %, where {application.product} allows {limit} %"


def check_still_approved(application: Application) -> None:
    """Refuse an edit after which an approved application would not have been approved.

    Call it in the transaction of the edit, after the rows are written.

    Raises:
        Conflict: naming what is wrong.
    """
    if application.is_approved and (faults := list(security_faults(application))):
        raise Conflict(f"This application is approved: {'; '.join(faults)}.")
