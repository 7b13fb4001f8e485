"""What happens to borrowers and guarantors."""

from events.recording import record_events
from events.registry import Payload

BORROWER = record_events("borrower")
GUARANTOR = record_events("guarantor")


class HoldingChanged(Payload):
    """An asset or a liability was added, edited or removed; the names of the fields, not their values."""

    type = "borrower.holding_changed"
    summary = "{kind} {what}: {holding}."

    kind: str
    holding_id: int
    holding: str
    what: str
    field_names: str
