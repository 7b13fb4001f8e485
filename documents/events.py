"""What happens to notes. The text stays in the note; one event type for each reach."""

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
