"""What happens to leads."""

from events.recording import record_events
from events.registry import Audience, Notify, Payload

# --- leads ------------------------------------------------------------------------------------


class LeadCreated(Payload):
    """A lead came in."""

    type = "lead.created"
    summary = "Lead {name} came in ({source_display})."
    silent = "whoever is to see to it is told when it is assigned"
    audience = Audience.PARTNERS

    name: str
    source: str
    source_display: str


class LeadSubmittedAgain(Payload):
    """Somebody who is a lead already asked again: the same e-mail address or phone number."""

    type = "lead.submitted_again"
    summary = "Asked again, for the {submission_count}. time."
    silent = "the timeline and the score show it"
    audience = Audience.PARTNERS

    name: str
    submission_count: int


class LeadUpdated(Payload):
    """A lead was edited; the names of the fields, not their values."""

    type = "lead.updated"
    summary = "Lead changed: {field_names}."
    silent = "the timeline shows it; a notification for each edit would be noise"
    audience = Audience.PARTNERS

    name: str
    field_names: str


class LeadDeleted(Payload):
    """A lead was deleted."""

    type = "lead.deleted"
    summary = "Lead {name} deleted."
    silent = "it never became an application: nobody waits for it"
    audience = Audience.PARTNERS

    name: str


class LeadStatusChanged(Payload):
    """A lead moved to another status, by people or because of its application."""

    type = "lead.status_changed"
    summary = "Status changed from {from_status_display} to {to_status_display}."
    silent = "whoever works on it moves it; what its application does is told of the application"
    audience = Audience.PARTNERS

    name: str
    from_status: str
    from_status_display: str
    to_status: str
    to_status_display: str
    reason: str


class LeadAssigned(Payload):
    """A lead is somebody's to see to."""

    type = "lead.assigned"
    summary = "Assigned to {assignee_name} ({method})."
    notify = Notify(
        "lead_assigned",
        title="A lead for you: {name}",
        body="{name} was assigned to you. Score {score}.",
        to="whoever it is assigned to",
    )
    audience = Audience.PARTNERS

    name: str
    assignee_id: int
    assignee_name: str
    method: str
    score: int


class LeadFollowUpDue(Payload):
    """The day has come on which a lead is to be followed up."""

    type = "lead.follow_up_due"
    summary = "Follow-up due on {follow_up_on}."
    notify = Notify(
        "lead_assigned",
        title="Follow up {name}",
        body="{name} is to be followed up since {follow_up_on}.",
        to="whoever it is assigned to",
    )
    audience = Audience.PARTNERS

    name: str
    follow_up_on: str


class LeadConverted(Payload):
    """A lead became a borrower and an application."""

    type = "lead.converted"
    summary = "Converted to application {reference}."
    silent = "the application that was opened is told of"
    audience = Audience.PARTNERS

    name: str
    reference: str
    borrower_id: int
    is_new_borrower: bool


OFFICE_HOURS = record_events("office_hours")
BOTH = "the host and the guest's logins, except who did it"


class AppointmentBooked(Payload):
    """A host and a guest are to meet. `when` is by the host's clock, `starts_at` UTC."""

    type = "appointment.booked"
    summary = "Appointment with {host_name} booked: {when}."
    notify = Notify(
        "appointment_reminder",
        title="Appointment: {when}",
        body="{title}, with {host_name}: {when}.",
        to=BOTH,
    )

    appointment_id: int
    title: str
    host_name: str
    when: str
    starts_at: str
    ends_at: str


class AppointmentRescheduled(AppointmentBooked):
    """An appointment was moved to another time."""

    type = "appointment.rescheduled"
    summary = "Appointment with {host_name} moved from {before} to {when}."
    notify = Notify(
        "appointment_reminder",
        title="Appointment moved: {when}",
        body="{title}, with {host_name}, is not at {before} but at {when}.",
        to=BOTH,
    )

    before: str


class AppointmentCancelled(AppointmentBooked):
    """An appointment will not take place."""

    type = "appointment.cancelled"
    summary = "Appointment with {host_name} cancelled: {when}."
    notify = Notify(
        "appointment_reminder",
        title="Appointment cancelled: {when}",
        body="{title}, with {host_name}, will not take place: {when}.",
        to=BOTH,
    )


class AppointmentCompleted(AppointmentBooked):
    """An appointment took place."""

    type = "appointment.completed"
    summary = "Appointment with {host_name} took place: {when}."
    notify = Notify(
        "appointment_reminder",
        title="Appointment done: {title}",
        body="{title}, with {host_name}, took place: {when}.",
        to=BOTH,
    )


class AppointmentMissed(AppointmentBooked):
    """The guest did not come."""

    type = "appointment.missed"
    summary = "Nobody came to the appointment with {host_name}: {when}."
    audience = Audience.PARTNERS
    notify = Notify(
        "appointment_reminder",
        title="Appointment missed: {title}",
        body="Nobody came to {title}, with {host_name}: {when}.",
        to=BOTH,
    )


class AppointmentReminderDue(AppointmentBooked):
    """An appointment is near: a day, or an hour, before it."""

    type = "appointment.reminder_due"
    summary = "Reminder of the appointment with {host_name}: {when}."
    notify = Notify(
        "appointment_reminder",
        title="Reminder: {title}, {when}",
        body="{title}, with {host_name}: {when}.",
        to="the host and the guest's logins, a day and an hour before",
    )


class AppointmentUpdated(Payload):
    """What is said of an appointment was edited; the names of the fields, not their values."""

    type = "appointment.updated"
    summary = "Appointment changed: {field_names}."
    audience = Audience.PARTNERS
    silent = "calendars and the timeline show it"

    appointment_id: int
    field_names: str


class AppointmentDeleted(Payload):
    """An appointment was deleted, as if it had never been."""

    type = "appointment.deleted"
    summary = "Appointment deleted: {title}."
    audience = Audience.PARTNERS
    silent = "only what was entered by mistake is deleted; calling off is `appointment.cancelled`"

    appointment_id: int
    title: str


class InteractionLogged(Payload):
    """Something passed between people; its text stays in it."""

    type = "interaction.logged"
    summary = "{kind_display} by {author_name}: {title}."
    audience = Audience.PARTNERS
    silent = "the timeline shows it"

    interaction_id: int
    kind: str
    kind_display: str
    author_name: str
    title: str


class InteractionUpdated(Payload):
    """What was kept of an interaction was edited; the names of the fields, not their values."""

    type = "interaction.updated"
    summary = "Interaction changed: {field_names}."
    audience = Audience.PARTNERS
    silent = "the timeline shows it"

    interaction_id: int
    field_names: str


class InteractionDeleted(Payload):
    """An interaction was deleted."""

    type = "interaction.deleted"
    summary = "Interaction deleted."
    audience = Audience.PARTNERS
    silent = "the timeline shows it"

    interaction_id: int


class ReviewWritten(Payload):
    """A client wrote a review of a settled loan."""

    type = "review.written"
    summary = "Review with {rating} of 5 stars."
    audience = Audience.PARTNERS
    notify = Notify(
        "application_status",
        title="Review of {reference}: {rating} of 5 stars",
        body="{author_name} gave {rating} of 5 stars on {reference}.",
        to="the broker and the BDM of the application",
    )

    review_id: int
    reference: str
    rating: int
    author_name: str


class ReviewUpdated(Payload):
    """A review or the response to it was edited; the names of the fields, not their values."""

    type = "review.updated"
    summary = "Review changed: {field_names}."
    audience = Audience.PARTNERS
    silent = "the timeline shows it"

    review_id: int
    field_names: str


class ReviewResponded(Payload):
    """A review was responded to."""

    type = "review.responded"
    summary = "{responder_name} responded to a review."
    notify = Notify(
        "application_status",
        title="Response to your review of {reference}",
        body="{responder_name} responded to your review of {reference}.",
        to="the author of the review",
    )

    review_id: int
    reference: str
    responder_name: str


class ReviewHidden(Payload):
    """An administrator hid a review."""

    type = "review.hidden"
    summary = "Review hidden: {reason}."
    audience = Audience.STAFF
    silent = "administrators do it, and read it in the timeline"

    review_id: int
    reason: str
