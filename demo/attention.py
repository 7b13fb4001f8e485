"""What is left to be seen to at the end of the book: alerts of loans that are late, reminders to brokers."""

from datetime import datetime, timedelta

from applications.models import Application
from applications.stages import OPEN
from demo.people import Cast, Recorder
from notifications.choices import Priority, RecipientType
from notifications.events import REMINDER, AlertRaised
from notifications.models import Alert, Reminder
from servicing.choices import LoanStatus
from servicing.models import Loan

ALERTS = 4
REMINDERS = 6
LATE = timedelta(days=7)


def write_attention(recorder: Recorder, cast: Cast) -> None:
    """BDMs raise alerts of loans that are late, and write to the brokers of the newest applications."""
    end = recorder.log.end
    late = Loan.objects.filter(status=LoanStatus.ACTIVE, oldest_due__lte=(end - LATE).date())
    with_bdm = late.exclude(application__bd=None).select_related("application__bd__user")
    for number, loan in enumerate(with_bdm.order_by("oldest_due", "pk")[:ALERTS]):
        _alert(recorder, cast, loan, at=end - timedelta(hours=30 - number))
    newest = Application.objects.filter(stage__in=OPEN, broker__isnull=False, bd__isnull=False)
    rows = newest.select_related("broker", "bd__user").order_by("-created_at", "-pk")
    for number, application in enumerate(rows[:REMINDERS]):
        assert application.broker is not None
        assert application.bd is not None
        reminder = Reminder(
            recipient_type=RecipientType.BROKER,
            recipient_email=application.broker.email,
            subject=f"{application.reference_number}: payslips",
            body=f"Please send the last two payslips of the borrowers on {application.reference_number}.",
            send_datetime=end + timedelta(days=2 + number),
            created_by=application.bd.user,
        )
        at = end - timedelta(hours=20 - number)
        recorder.record(reminder, REMINDER, at=at, actor=reminder.created_by)
    recorder.writer.flush()


def _alert(recorder: Recorder, cast: Cast, loan: Loan, *, at: datetime) -> None:
    application = loan.application
    assert application.bd is not None
    raiser = application.bd.user
    alert = Alert(
        priority=Priority.HIGH,
        title=f"{application.reference_number} is late",
        body=f"The oldest unpaid repayment was due on {loan.oldest_due}, and nobody has been reached.",
        created_by=raiser,
        last_seen_at=at,
        created_at=at,
        updated_at=at,
    )
    recorder.writer.add(alert)
    raised = AlertRaised(
        title=alert.title,
        text=alert.body,
        priority=alert.priority,
        priority_display=Priority.HIGH.label,
    )
    recorder.log.tell(raised, at=at, actor=raiser, subject=alert, recipients=cast.admins)
