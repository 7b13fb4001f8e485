"""What happens to borrowers and guarantors."""

from events.recording import record_events

BORROWER = record_events("borrower")
GUARANTOR = record_events("guarantor")
