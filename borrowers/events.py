"""What happens to borrowers and guarantors."""

from events.recording import record_events
from events.registry import Payload

BORROWER = record_events("borrower")
GUARANTOR = record_events("guarantor")


class HoldingChanged(Payload):
    """An asset or a liability was added, edited or removed; which one, and the names of the fields.

    Neither their values nor the description, which people write what they like into, are told.
    """

    type = "borrower.holding_changed"
    summary = "{kind} {holding_id} {what}."
    silent = "the timeline shows it"

    kind: str
    holding_id: int
    what: str
    field_names: str
