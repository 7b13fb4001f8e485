"""What happens to borrowers and guarantors."""

from events.recording import record_events
from events.registry import Audience, Payload

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


class BorrowerMerged(Payload):
    """Another borrower turned out to be this one; `moved` says how much came over, by kind of row."""

    type = "borrower.merged"
    summary = "{duplicate_name} (#{duplicate}) merged into {survivor_name} (#{survivor})."
    silent = "the timeline shows it"
    audience = Audience.PARTNERS

    merge: int
    duplicate: int
    duplicate_name: str
    survivor: int
    survivor_name: str
    reason: str
    moved: dict[str, int]
    fields_taken: list[str]


class BorrowerMergeUndone(Payload):
    """Two borrowers that were merged are two again; `left` counts what was changed since and so stayed."""

    type = "borrower.merge_undone"
    summary = "Merge of {duplicate_name} (#{duplicate}) into {survivor_name} (#{survivor}) undone."
    silent = "the timeline shows it"
    audience = Audience.PARTNERS

    merge: int
    duplicate: int
    duplicate_name: str
    survivor: int
    survivor_name: str
    left: dict[str, int]


class DuplicatePairDismissed(Payload):
    """Somebody said that two borrowers who looked alike are not the same."""

    type = "borrower.pair_dismissed"
    summary = "Borrowers #{first} and #{second} are not the same."
    silent = "the timeline shows it"
    audience = Audience.STAFF

    first: int
    second: int
    reason: str


class DuplicatePairReopened(Payload):
    """Somebody took that back."""

    type = "borrower.pair_reopened"
    summary = "Borrowers #{first} and #{second} may be the same after all."
    silent = "the timeline shows it"
    audience = Audience.STAFF

    first: int
    second: int
