"""What settling and closing ask of a loan, told to the stage machine, which cannot know of loans itself."""

from collections.abc import Iterator

from applications.choices import Stage
from applications.models import Application
from applications.services.guards import register_guard
from servicing.choices import LoanStatus
from servicing.models import Loan


def needs_schedule(application: Application) -> Iterator[str]:
    """A loan is settled with its disbursement and schedule, not by a move alone."""
    if not Loan.objects.filter(application=application).exists():
        yield "it needs a schedule: disburse it with settle/"


def needs_end(application: Application) -> Iterator[str]:
    """A loan is closed when it is paid out or written off."""
    if Loan.objects.filter(application=application, status=LoanStatus.ACTIVE).exists():
        yield "its loan has not been paid out or written off"


def register() -> None:
    """Ask for both from now on."""
    register_guard(Stage.SETTLED, needs_schedule)
    register_guard(Stage.CLOSED, needs_end)
