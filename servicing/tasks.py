"""Scheduled work."""

from time import monotonic

from celery import shared_task

from servicing.dates import business_date
from servicing.services.nightly import nightly

# Well below the time limit of tasks; what is left is for the next time.
SECONDS = 200


@shared_task
def run_nightly() -> int:
    """Do the work of the business date, and of those that were missed; how many dates are done."""
    end = monotonic() + SECONDS
    return len(nightly(business_date(), may_go_on=lambda: monotonic() < end))
