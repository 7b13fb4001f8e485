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
        to="who is concerned by the application and may read the note",
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
        to="who is concerned by the application and may read the document",
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
        to="who is concerned by the application and may read the document",
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
    silent = "the timeline shows it"

    reference: str
    document_id: int
    field_names: str


class DocumentDeleted(Payload):
    """A document was deleted, with all its versions."""

    type = "document.deleted"
    summary = "Document deleted: {title}."
    audience = Audience.PARTNERS
    silent = "the timeline shows it"

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
        to="the readers of the document, and who brought the file",
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
        to="who is concerned by the application and may read the documents",
    )

    reference: str
    batch_id: int
    count: int
    actor_name: str


class PartnersBatchAdded(BatchAdded):
    """Several documents for staff and broker were added at once."""

    type = "document.batch_added_for_partners"
    audience = Audience.PARTNERS


class NoteUpdated(Payload):
    """A note was edited; the names of the fields, not their values."""

    type = "note.updated"
    summary = "Note changed: {field_names}."
    audience = Audience.STAFF
    silent = "the timeline shows it"

    reference: str
    note_id: int
    field_names: str


class NoteDeleted(Payload):
    """A note was deleted, with the comments on it."""

    type = "note.deleted"
    summary = "Note deleted."
    audience = Audience.STAFF
    silent = "the timeline shows it"

    reference: str
    note_id: int


class NoteAssigned(Payload):
    """Somebody is to act on a note."""

    type = "note.assigned"
    summary = "Note assigned to {assignee_name}."
    notify = Notify(
        "note_reminder",
        title="A note on {reference} is yours",
        body="{actor_name} assigned a note on {reference} to you.",
        to="the assignee",
    )
    audience = Audience.STAFF

    reference: str
    note_id: int
    assignee_name: str
    actor_name: str


class NoteReminderDue(Payload):
    """The day of a note's reminder has come."""

    type = "note.reminder_due"
    summary = "Reminder of a note of {remind_date}."
    notify = Notify(
        "note_reminder",
        title="Reminder: a note on {reference}",
        body="A note on {reference} is due for you to look at again ({remind_date}).",
        to="the author and the assignee, once for each date",
    )
    audience = Audience.STAFF

    reference: str
    note_id: int
    remind_date: str


class NoteCommented(Payload):
    """Somebody replied to a note that the client may read."""

    type = "note.commented"
    summary = "{author_name} replied to a note."
    notify = Notify(
        "note_reminder",
        title="Reply to a note on {reference}",
        body="{author_name} replied to a note on {reference}.",
        to="the author and the assignee of the note, and who replied before",
    )

    reference: str
    author_name: str
    note_id: int
    comment_id: int


class BrokerNoteCommented(NoteCommented):
    """Somebody replied to a note for staff and broker."""

    type = "note.commented_for_broker"
    audience = Audience.PARTNERS


class InternalNoteCommented(NoteCommented):
    """Somebody replied to a note for the lender's staff."""

    type = "note.commented_internal"
    audience = Audience.STAFF


class NoteCommentDeleted(Payload):
    """A reply to a note was deleted."""

    type = "note.comment_deleted"
    summary = "Reply to a note deleted."
    audience = Audience.STAFF
    silent = "the timeline shows it"

    reference: str
    note_id: int
    comment_id: int


class TemplateAdded(Payload):
    """A version of a template of letters was added."""

    type = "template.added"
    summary = "Template of {letter_type_display} ({format}), version {version}, added."
    audience = Audience.STAFF
    silent = "a plain record: who works with it reads it"

    template_id: int
    letter_type: str
    letter_type_display: str
    format: str
    version: int


class TemplateUpdated(TemplateAdded):
    """A template of letters was renamed, or is not used any more."""

    type = "template.updated"
    summary = "Template of {letter_type_display} ({format}), version {version}, changed: {field_names}."

    field_names: str


class TemplateActivated(TemplateAdded):
    """Letters are made from this template from now on."""

    type = "template.activated"
    summary = "{letter_type_display} ({format}) is made from version {version} of its template now."


class TemplateDeleted(TemplateAdded):
    """A template of letters that nothing was made from was deleted."""

    type = "template.deleted"
    summary = "Template of {letter_type_display} ({format}), version {version}, deleted."


class SignatureRequested(Payload):
    """People were asked to sign a document."""

    type = "signature.requested"
    summary = "{title} was sent to {signer_names} to sign."
    notify = Notify(
        "signature_required",
        title="Please sign {title}",
        body="{actor_name} asks you to sign {title} on {reference}.",
        to="the signers with an account",
        no_mail="the mail with the signing link says it",
    )
    audience = Audience.PARTNERS

    reference: str
    request_id: int
    document_id: int
    title: str
    signer_names: str
    actor_name: str


class SignatureReminded(SignatureRequested):
    """Those who have not signed were asked once more."""

    type = "signature.reminded"
    summary = "{signer_names} were reminded to sign {title}."
    notify = Notify(
        "signature_required",
        title="Reminder: please sign {title}",
        body="{actor_name} waits for your signature of {title} on {reference}.",
        to="the signers with an account who have not signed",
        no_mail="the mail with the signing link says it",
    )


class DocumentSigned(Payload):
    """One of the signers signed."""

    type = "signature.signed"
    summary = "{name} signed {title}."
    notify = Notify(
        "document_uploaded",
        title="{name} signed {title}",
        body="{name} signed {title} on {reference}.",
        to="who asked for it",
    )
    audience = Audience.PARTNERS

    reference: str
    request_id: int
    document_id: int
    title: str
    name: str
    record_sha256: str


class SignatureDeclined(Payload):
    """One of the signers declined, which ends the request."""

    type = "signature.declined"
    summary = "{name} declined to sign {title} ({reason})."
    notify = Notify(
        "document_uploaded",
        title="{name} declined to sign {title}",
        body="{name} declined to sign {title} on {reference}: {reason}",
        to="who asked for it",
    )
    audience = Audience.PARTNERS

    reference: str
    request_id: int
    document_id: int
    title: str
    name: str
    reason: str


class SignatureRequestEnded(Payload):
    """A request was cancelled, expired, or was not taken by its provider."""

    type = "signature.ended"
    summary = "The request to sign {title} is {status}."
    notify = Notify(
        "document_uploaded",
        title="The request to sign {title} is {status}",
        body="The request to sign {title} on {reference} is {status}. {problem}",
        to="who asked for it",
    )
    audience = Audience.PARTNERS

    reference: str
    request_id: int
    document_id: int
    title: str
    status: str
    problem: str


class SignaturesCompleted(Payload):
    """All have signed, and the signed file is there."""

    type = "signature.completed"
    summary = "{title} is signed by all: {signer_names}."
    notify = Notify(
        "document_uploaded",
        title="{title} is signed",
        body="{signer_names} signed {title} on {reference}. The signed file is its version {number}.",
        to="the readers of the document, and the signers with an account",
    )
    audience = Audience.PARTNERS

    reference: str
    request_id: int
    document_id: int
    title: str
    signer_names: str
    number: int
