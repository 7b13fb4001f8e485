"""What happens to notes and documents. Texts stay in them; one event type for each reach."""

from events.registry import Audience, Notify, Payload


class NoteAdded(Payload):
    """A note that the client may read was added."""

    type = "note.added"
    summary = "{author_name} added a note."
    notify = Notify(
        "note_reminder",
        title="Note on {reference}",
        body="{author_name} added a note on {reference}.",
    )

    reference: str
    author_name: str
    note_id: int


class BrokerNoteAdded(NoteAdded):
    """A note for staff and broker was added."""

    type = "note.added_for_broker"
    audience = Audience.PARTNERS


class InternalNoteAdded(NoteAdded):
    """A note for the lender's staff was added."""

    type = "note.added_internal"
    audience = Audience.STAFF


class DocumentUploaded(Payload):
    """A document that the client may read was added."""

    type = "document.uploaded"
    summary = "{kind_display} uploaded: {title}."
    notify = Notify(
        "document_uploaded",
        title="New document on {reference}",
        body="{actor_name} added {title} to {reference}.",
    )

    reference: str
    document_id: int
    title: str
    kind: str
    kind_display: str
    actor_name: str


class PartnersDocumentUploaded(DocumentUploaded):
    """A document for staff and broker was added."""

    type = "document.uploaded_for_partners"
    audience = Audience.PARTNERS


class VersionAdded(Payload):
    """A document that the client may read has a new version."""

    type = "document.version_added"
    summary = "Version {number} of {title}."
    notify = Notify(
        "document_uploaded",
        title="New version on {reference}",
        body="{actor_name} added version {number} of {title} to {reference}.",
    )

    reference: str
    document_id: int
    title: str
    number: int
    actor_name: str


class PartnersVersionAdded(VersionAdded):
    """A document for staff and broker has a new version."""

    type = "document.version_added_for_partners"
    audience = Audience.PARTNERS


class DocumentUpdated(Payload):
    """What is said of a document was edited; the names of the fields, not their values."""

    type = "document.updated"
    summary = "Document changed: {field_names}."
    audience = Audience.PARTNERS

    reference: str
    document_id: int
    field_names: str


class DocumentDeleted(Payload):
    """A document was deleted, with all its versions."""

    type = "document.deleted"
    summary = "Document deleted: {title}."
    audience = Audience.PARTNERS

    reference: str
    document_id: int
    title: str


class DocumentQuarantined(Payload):
    """The scan found something in a version; nobody downloads it."""

    type = "document.quarantined"
    summary = "Version {number} of {title} is quarantined: {finding}."
    notify = Notify(
        "system",
        title="A file on {reference} is quarantined",
        body="Version {number} of {title} is quarantined: {finding}.",
    )
    audience = Audience.PARTNERS

    reference: str
    document_id: int
    title: str
    number: int
    finding: str


class BatchAdded(Payload):
    """Several documents that the client may read were added at once."""

    type = "document.batch_added"
    summary = "{count} documents added."
    notify = Notify(
        "document_uploaded",
        title="New documents on {reference}",
        body="{actor_name} added {count} documents to {reference}.",
    )

    reference: str
    batch_id: int
    count: int
    actor_name: str


class PartnersBatchAdded(BatchAdded):
    """Several documents for staff and broker were added at once."""

    type = "document.batch_added_for_partners"
    audience = Audience.PARTNERS
