"""What happens to branches, BDMs, brokers and partnerships."""

from events.recording import record_events
from events.registry import Audience, Payload

BRANCH = record_events("branch")
BDM = record_events("bdm")
BROKER = record_events("broker")
PARTNERSHIP = record_events("partnership")


class PartnershipStatusChanged(Payload):
    """A partnership was made active, paused or ended."""

    type = "partnership.status_changed"
    summary = "Partnership with {label} moved from {from_status_display} to {to_status_display}."
    silent = "the lender's own matter, which staff read with the partnership"
    audience = Audience.STAFF

    label: str
    from_status: str
    from_status_display: str
    to_status: str
    to_status_display: str
    reason: str
