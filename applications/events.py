"""What happens to applications."""

from events.recording import record_events
from events.registry import Audience, Notify, Payload

PRODUCT = record_events("product")


class ApplicationCreated(Payload):
    """An application was opened."""

    type = "application.created"
    summary = "Application {reference} for {loan_amount} AUD opened."
    notify = Notify(
        "application_status",
        title="New application {reference}",
        body="{reference} for {loan_amount} AUD was opened by {actor_name}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    loan_amount: str
    actor_name: str


class ApplicationUpdated(Payload):
    """Terms of an application were edited; the names of the fields, not their values."""

    type = "application.updated"
    summary = "Application changed: {field_names}."
    silent = "the timeline shows it; a notification for each edit would be noise"

    reference: str
    field_names: str


class ApplicationReferred(Payload):
    """The lender's staff said who referred an application, or that nobody did."""

    type = "application.referred"
    summary = "Referral partner: {partner}."
    silent = "the lender's own matter, which staff read in the timeline"
    audience = Audience.STAFF

    reference: str
    partner: str


class ApplicationDeleted(Payload):
    """An application was deleted before it was submitted."""

    type = "application.deleted"
    summary = "Application {reference} deleted."
    silent = "it was never submitted: nobody waits for it"

    reference: str


class ApplicationAssigned(Payload):
    """Another broker, BDM or branch is responsible for an application now."""

    type = "application.assigned"
    summary = "Assigned: {changes}."
    notify = Notify(
        "application_status",
        title="{reference} was assigned",
        body="{reference}: {changes}.",
        to="those who were responsible, those who are now, and the administrators",
    )
    # A BDM's name is not for clients to look up.
    audience = Audience.PARTNERS

    reference: str
    changes: str


class ApplicationSigned(Payload):
    """A borrower signed an application."""

    type = "application.signed"
    summary = "Signed by {name}."
    notify = Notify(
        "application_status",
        title="{reference} was signed",
        body="{name} signed {reference}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    name: str
    signature_id: int
    sha256: str


class PartiesChanged(Payload):
    """Other borrowers or guarantors are on an application now."""

    type = "application.parties_changed"
    summary = "{kind} changed."
    silent = "the timeline shows it"

    reference: str
    kind: str
    added: list[int]
    removed: list[int]


class BorrowersMerged(Payload):
    """A borrower of an application was merged into another one, or that was undone."""

    type = "application.borrowers_merged"
    summary = "{what}: {duplicate_name} and {survivor_name}."
    silent = "the timeline shows it"
    audience = Audience.PARTNERS

    reference: str
    what: str
    duplicate: int
    duplicate_name: str
    survivor: int
    survivor_name: str


class SecurityChanged(Payload):
    """A security was added, edited or removed."""

    type = "application.security_changed"
    summary = "Security {what}: {security}."
    silent = "the timeline shows it"

    reference: str
    security_id: int
    security: str
    what: str


class StageChanged(Payload):
    """An application moved to another stage."""

    type = "application.stage_changed"
    summary = "Stage changed from {from_stage_display} to {to_stage_display}."
    notify = Notify(
        "application_status",
        title="{reference}: {to_stage_display}",
        body="{reference} moved from {from_stage_display} to {to_stage_display}.",
        to="who is concerned: the broker, the BDM, the borrowers and the administrators",
    )

    reference: str
    from_stage: str
    from_stage_display: str
    to_stage: str
    to_stage_display: str
    reason: str


class StageUnchanged(Payload):
    """An open application has been in one stage for long; once for each time that it enters a stage."""

    type = "application.stage_unchanged"
    summary = "Still in stage {stage_display} after {days} days."
    audience = Audience.STAFF
    notify = Notify(
        "application_status",
        title="{reference} has not moved for {days} days",
        body="{reference} is in stage {stage_display} since {since}.",
        to="the BDM of the application",
    )

    reference: str
    stage: str
    stage_display: str
    since: str
    days: int


class FundingCalculated(Payload):
    """The funding table was worked out."""

    type = "application.funding_calculated"
    summary = "Funding calculated: {funds_available} AUD available after {total_fees} AUD of fees."
    # Clients do not read the runs themselves either.
    audience = Audience.PARTNERS
    silent = "a calculation changes nothing"

    reference: str
    total_fees: str
    funds_available: str
