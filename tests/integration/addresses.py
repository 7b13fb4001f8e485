"""How to fill the path of any route: one entry for each model that a path names by its id.

`ours` is a row that our user of a role sees, as far as the contract lets them; `theirs` belongs to
the other side. Who sees which is written down here once more, apart from the product's own tables.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import UUIDField
from django.utils import timezone

from applications.models import Application, Product, Security, Signature
from borrowers.models import Asset, Borrower, BorrowerMerge, DuplicatePair, Guarantor, Liability
from brokers.models import Bdm, Branch, Broker, Partnership
from documents.models import Batch, Document, LetterTemplate, Note, NoteComment, SignatureRequest
from documents.services.reading import version_read
from engagement.models import Appointment, Interaction, Lead, OfficeHours, Review
from events.models import Event
from events.services import emit
from jobs.models import Job
from messaging.models import ChatGroup, Conversation, Member, Message
from notifications.models import Alert, Notification, OutgoingMail, Reminder
from reports.models import ReportFile, ReportSchedule, SavedReport
from servicing.models import (
    Commission,
    CommissionTerms,
    Fee,
    PartnerCommission,
    PartnershipTerms,
    Payment,
    Repayment,
)
from tests.borrowers.merges import merge_into, pair_with
from tests.documents import makers, signing
from tests.engagement import meetings
from tests.factories import (
    AlertFactory,
    ApiKeyFactory,
    ApplicationFactory,
    BdmFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    CommissionTermsFactory,
    GuarantorFactory,
    JobFactory,
    LetterTemplateFactory,
    NoteCommentFactory,
    NoteFactory,
    OutgoingMailFactory,
    PartnershipFactory,
    PartnershipTermsFactory,
    ReminderFactory,
    ReportFileFactory,
    ReportScheduleFactory,
    SavedReportFactory,
    UserFactory,
    World,
)
from tests.messaging import chats
from tests.plugins.route_table import Operation
from tests.servicing.kit import commission_of, fee_of, loan_of, partner_commission_of, payment_of
from users.choices import Role
from users.events import LoggedIn
from users.models import ApiKey, Session, User
from users.services.sessions import Client, access_token_session, session_open

ALL = frozenset(Role.values)
ADMIN = frozenset({Role.ADMIN})
MISSING = 2**31 - 1
BEYOND = 10**30


def nobodys(model: Any, *, beyond: bool = False) -> Any:
    """A key of the model's type that no row has, or that its column cannot even hold."""
    if isinstance(model._meta.pk, UUIDField):
        return "f" * 36 if beyond else uuid.UUID(int=MISSING)
    return BEYOND if beyond else MISSING


@dataclass(frozen=True)
class Rows:
    """Rows of one model. `fresh` is one that nothing refers to, where `ours` could not be deleted.

    The parents in a path are always ours.
    """

    ours: Callable[[World, str], Any]
    theirs: Callable[[World], Any]
    sees_ours: frozenset[str] = ALL
    sees_theirs: frozenset[str] = ADMIN
    fresh: Callable[[World], Any] | None = None


def side(name: str, **kwargs: Any) -> Rows:
    """Rows that are attributes of the world's two sides."""
    return Rows(
        lambda world, role: getattr(world.ours, name), lambda world: getattr(world.theirs, name), **kwargs
    )


def event_of(user: User) -> Event:
    """Something that a user did."""
    return emit(LoggedIn(session_id="0"), actor=user, subject=user)


def notification_of(user: User) -> Notification:
    """Something that a user was told."""
    event = event_of(user)
    return Notification.objects.create(
        user=user,
        seq=Notification.objects.filter(user=user).count() + 1,
        event=event,
        notification_type="system",
        title="Hello",
        body="Hello.",
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        created_at=event.occurred_at,
    )


def reader_of(world: World, role: str) -> User:
    """Our user of a role who has reports; clients have none."""
    return world.admin if role == Role.CLIENT else world.user(role)


def alert_of(user: User) -> Alert:
    """An alert that a user raised and is to see to."""
    return AlertFactory.create(created_by=user, assigned_to=user)


def session_of(user: User) -> Session:
    """A login."""
    return access_token_session(session_open(user=user, client=Client()).access)[0]


def note_of(world: World, role: str) -> Note:
    """A note that our user of a role wrote, or the broker's for the client, who writes none."""
    if role == Role.CLIENT:
        return world.ours.note
    return NoteFactory.create(
        application=world.ours.application, author=world.user(role), visibility="client"
    )


def comment_of(world: World, role: str) -> NoteComment:
    """A reply that our user of a role wrote, on the latest of the notes that such paths name."""
    note = Note.objects.filter(application=world.ours.application).order_by("-pk").first()
    author = world.ours.broker_user if role == Role.CLIENT else world.user(role)
    return NoteCommentFactory.create(note=note, author=author)


def signature_request_of(application: Application, user: User) -> SignatureRequest:
    """A document that a user is to sign, who may have sent it as well."""
    document = signing.document_of(application, user, visible_to_client=True)
    return signing.request_of(document, user, user)


ROWS: dict[type, Rows] = {
    User: Rows(
        # Not the administrator's own account, which has guards of its own.
        lambda world, role: world.ours.client_user if role == Role.ADMIN else world.user(role),
        lambda world: world.theirs.client_user,
        fresh=lambda world: UserFactory.create(),
    ),
    Branch: side(
        "branch",
        sees_theirs=frozenset({Role.ADMIN, Role.BROKER}),
        fresh=lambda world: BranchFactory.create(),
    ),
    Bdm: side(
        "bdm",
        sees_ours=frozenset({Role.ADMIN, Role.BD, Role.BROKER}),
        sees_theirs=frozenset({Role.ADMIN, Role.BROKER}),
        fresh=lambda world: BdmFactory.create(),
    ),
    Broker: side("broker", fresh=lambda world: BrokerFactory.create()),
    Partnership: side(
        "partnership",
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
        fresh=lambda world: PartnershipFactory.create(),
    ),
    Borrower: side("borrower", fresh=lambda world: BorrowerFactory.create()),
    BorrowerMerge: Rows(
        lambda world, role: merge_into(world.ours.borrower, world.admin),
        lambda world: merge_into(world.theirs.borrower, world.admin),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    DuplicatePair: Rows(
        lambda world, role: pair_with(world.ours.borrower, world.ours.bd_user),
        lambda world: pair_with(world.theirs.borrower, world.theirs.bd_user),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    Guarantor: side("guarantor", fresh=lambda world: GuarantorFactory.create()),
    Application: side("application", fresh=lambda world: ApplicationFactory.create()),
    Lead: side("lead", sees_ours=frozenset({Role.ADMIN, Role.BD, Role.BROKER})),
    Asset: side("asset"),
    Liability: side("liability"),
    Security: side("security"),
    Signature: side("signature"),
    Fee: Rows(
        lambda world, role: fee_of(world.admin, world.ours.application),
        lambda world: fee_of(world.admin, world.theirs.application),
    ),
    Repayment: Rows(
        lambda world, role: loan_of(world.admin, world.ours.application).schedules.get().repayments.first(),
        lambda world: loan_of(world.admin, world.theirs.application).schedules.get().repayments.first(),
    ),
    Payment: Rows(
        lambda world, role: payment_of(world.admin, world.ours.application),
        lambda world: payment_of(world.admin, world.theirs.application),
    ),
    Commission: Rows(
        lambda world, role: commission_of(world.admin, world.ours.application),
        lambda world: commission_of(world.admin, world.theirs.application),
        sees_ours=ALL - {Role.CLIENT},
    ),
    CommissionTerms: Rows(
        lambda world, role: CommissionTermsFactory.create(broker=world.ours.broker),
        lambda world: CommissionTermsFactory.create(broker=world.theirs.broker),
        sees_ours=ADMIN,
    ),
    PartnerCommission: Rows(
        lambda world, role: partner_commission_of(world.admin, world.ours.application),
        lambda world: partner_commission_of(world.admin, world.theirs.application),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    PartnershipTerms: Rows(
        lambda world, role: PartnershipTermsFactory.create(partnership=world.ours.partnership),
        lambda world: PartnershipTermsFactory.create(partnership=world.theirs.partnership),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    Document: Rows(
        lambda world, role: makers.document_of(
            world.ours.application, world.user(role), visible_to_client=True
        ),
        lambda world: makers.document_of(world.theirs.application, world.theirs.broker_user),
    ),
    Note: Rows(
        lambda world, role: note_of(world, role),
        lambda world: world.theirs.note,
    ),
    NoteComment: Rows(
        lambda world, role: comment_of(world, role),
        lambda world: NoteCommentFactory.create(note=world.theirs.note, author=world.theirs.broker_user),
    ),
    LetterTemplate: Rows(
        lambda world, role: LetterTemplateFactory.create(created_by=world.admin),
        lambda world: LetterTemplateFactory.create(created_by=world.admin),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
        sees_theirs=frozenset({Role.ADMIN, Role.BD}),
    ),
    SignatureRequest: Rows(
        lambda world, role: signature_request_of(world.ours.application, world.user(role)),
        lambda world: signature_request_of(world.theirs.application, world.theirs.broker_user),
    ),
    Batch: Rows(
        lambda world, role: makers.batch_of(world.ours.application, world.user(role)),
        lambda world: makers.batch_of(world.theirs.application, world.theirs.broker_user),
    ),
    Conversation: Rows(
        lambda world, role: chats.long_chat_about(world.ours, world.user(role), world.admin),
        lambda world: chats.chat_about(world.theirs, world.theirs.bd_user),
        sees_theirs=frozenset(),
    ),
    ChatGroup: Rows(
        lambda world, role: (
            chats.group_of(world.ours, world.ours.bd_user, world.admin)
            if role == Role.CLIENT
            else chats.group_of(world.ours, world.user(role), world.admin)
        ),
        lambda world: chats.group_of(world.theirs, world.theirs.bd_user),
        sees_ours=ALL - {Role.CLIENT},
        sees_theirs=frozenset(),
    ),
    # In the conversation that such paths name, which was just made.
    Member: Rows(
        chats.member_beside,
        lambda world: chats.chat_about(world.theirs, world.theirs.bd_user).members.first(),
        sees_theirs=frozenset(),
    ),
    Message: Rows(
        chats.message_of,
        lambda world: chats.chat_about(world.theirs, world.theirs.bd_user).messages.first(),
        sees_theirs=frozenset(),
    ),
    Appointment: Rows(
        lambda world, role: meetings.appointment_of(
            world.ours.application, world.ours.bd_user if role == Role.CLIENT else world.user(role)
        ),
        lambda world: meetings.appointment_of(world.theirs.application, world.theirs.bd_user),
    ),
    OfficeHours: Rows(
        lambda world, role: meetings.hours_of(
            world.ours.bd_user if role == Role.CLIENT else world.user(role)
        ),
        lambda world: meetings.hours_of(world.theirs.bd_user),
        sees_ours=ALL - {Role.CLIENT},
    ),
    Interaction: Rows(
        lambda world, role: meetings.interaction_of(
            world.ours.application, world.ours.broker_user if role == Role.CLIENT else world.user(role)
        ),
        lambda world: meetings.interaction_of(world.theirs.application, world.theirs.broker_user),
        sees_ours=ALL - {Role.CLIENT},
    ),
    Review: Rows(
        lambda world, role: meetings.review_of(world.ours),
        lambda world: meetings.review_of(world.theirs),
    ),
    Product: Rows(
        lambda world, role: world.product,
        # Nobody's: what is no longer on offer is hidden from all but administrators.
        lambda world: world.retired_product,
    ),
    Notification: Rows(
        lambda world, role: notification_of(world.user(role)),
        lambda world: notification_of(world.theirs.client_user),
        sees_theirs=frozenset(),
    ),
    Reminder: Rows(
        lambda world, role: ReminderFactory.create(
            created_by=world.admin if role == Role.CLIENT else world.user(role)
        ),
        lambda world: ReminderFactory.create(created_by=world.theirs.broker_user),
        sees_ours=ALL - {Role.CLIENT},
    ),
    SavedReport: Rows(
        lambda world, role: SavedReportFactory.create(owner=reader_of(world, role)),
        lambda world: SavedReportFactory.create(owner=world.theirs.broker_user),
        sees_ours=ALL - {Role.CLIENT},
    ),
    ReportSchedule: Rows(
        lambda world, role: ReportScheduleFactory.create(report__owner=reader_of(world, role)),
        lambda world: ReportScheduleFactory.create(report__owner=world.theirs.broker_user),
        sees_ours=ALL - {Role.CLIENT},
    ),
    ReportFile: Rows(
        lambda world, role: ReportFileFactory.create(user=reader_of(world, role)),
        lambda world: ReportFileFactory.create(user=world.theirs.broker_user),
        sees_ours=ALL - {Role.CLIENT},
        sees_theirs=frozenset(),
    ),
    Alert: Rows(
        lambda world, role: alert_of(world.ours.bd_user if role == Role.BD else world.admin),
        lambda world: alert_of(world.theirs.bd_user),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    OutgoingMail: Rows(
        lambda world, role: OutgoingMailFactory.create(user=world.user(role)),
        lambda world: OutgoingMailFactory.create(user=world.theirs.client_user),
        sees_ours=ADMIN,
    ),
    Job: Rows(
        lambda world, role: JobFactory.create(created_by=world.user(role)),
        lambda world: JobFactory.create(created_by=world.theirs.broker_user),
    ),
    Event: Rows(
        lambda world, role: event_of(world.user(role)),
        lambda world: event_of(world.theirs.client_user),
        sees_ours=ADMIN,
    ),
    Session: Rows(
        lambda world, role: session_of(world.ours.client_user if role == Role.ADMIN else world.user(role)),
        lambda world: session_of(world.theirs.client_user),
    ),
    ApiKey: Rows(
        lambda world, role: ApiKeyFactory.create(user=world.user(role)),
        lambda world: ApiKeyFactory.create(user=world.theirs.client_user),
        sees_ours=ADMIN,
    ),
}


def failed_job_of(user: User) -> Job:
    """A job that ended badly and can be done again."""
    return JobFactory.create(
        created_by=user, kind="documents.batch", status="failed", finished_at=timezone.now()
    )


def read(document: Document) -> Document:
    """A document that a worker has looked at."""
    version_read(document.current.pk)
    return document


SETTLED = Rows(
    lambda world, role: loan_of(world.admin, world.ours.application).application,
    lambda world: world.theirs.application,
)
TEAM = Rows(
    lambda world, role: world.ours.bd_user,
    lambda world: world.theirs.bd_user,
    sees_ours=frozenset({Role.ADMIN, Role.BD}),
    fresh=lambda world: BdmFactory.create().user,
)
# Where the address narrows the rows further than the model does.
ROWS_AT: dict[str, Rows] = {
    "/api/borrowers/duplicates/pairs/{pk}/reopen/": Rows(
        lambda world, role: pair_with(world.ours.borrower, world.ours.bd_user, is_dismissed=True),
        lambda world: pair_with(world.theirs.borrower, world.theirs.bd_user, is_dismissed=True),
        sees_ours=frozenset({Role.ADMIN, Role.BD}),
    ),
    "/api/appointments/{pk}/complete/": Rows(
        lambda world, role: meetings.appointment_of(
            world.ours.application,
            world.ours.bd_user if role == Role.CLIENT else world.user(role),
            is_over=True,
        ),
        lambda world: meetings.appointment_of(world.theirs.application, world.theirs.bd_user, is_over=True),
    ),
    "/api/applications/{pk}/schedule/": SETTLED,
    "/api/applications/{pk}/payoff/": SETTLED,
    "/api/applications/{pk}/extend-loan/": SETTLED,
    "/api/applications/{pk}/write-off/": SETTLED,
    "/api/jobs/{pk}/retry/": Rows(
        lambda world, role: failed_job_of(world.user(role)),
        lambda world: failed_job_of(world.theirs.broker_user),
    ),
    "/api/documents/documents/{pk}/thumbnail/": Rows(
        lambda world, role: read(
            makers.document_of(world.ours.application, world.user(role), visible_to_client=True)
        ),
        lambda world: read(makers.document_of(world.theirs.application, world.theirs.broker_user)),
    ),
    "/api/users/auth/sessions/{pk}/": Rows(
        lambda world, role: session_of(world.user(role)),
        lambda world: session_of(world.theirs.client_user),
        sees_theirs=frozenset(),
    ),
    "/api/users/team/members/{pk}/": TEAM,
    "/api/users/team/members/{pk}/workload/": TEAM,
    "/api/users/team/members/{pk}/performance/": TEAM,
}


def rows_of(operation: Operation, name: str) -> Rows:
    """The rows that a parameter of an operation's path may name."""
    if name == "pk" and operation.path in ROWS_AT:
        return ROWS_AT[operation.path]
    return ROWS[operation.models()[name]]


def address(operation: Operation, world: World, role: str, whose: str = "ours") -> str:
    """The path of an operation, filled with `ours`, `theirs` or, where there is one, `fresh` rows."""
    values = {}
    for name in operation.models():
        rows = rows_of(operation, name)
        if whose == "theirs":
            row = rows.theirs(world)
        elif whose == "fresh" and name == "pk" and rows.fresh is not None:
            row = rows.fresh(world)
        else:
            row = rows.ours(world, role)
        values[name] = row.pk
    return operation.at(values)


def sees(operation: Operation, role: str, whose: str) -> bool:
    """Whether a role sees every row in the path."""
    rows = [rows_of(operation, name) for name in operation.models()]
    return all(role in (row.sees_ours if whose == "ours" else row.sees_theirs) for row in rows)


def allowed_role(operation: Operation) -> str:
    """A role that may do this and sees our rows."""
    for role in (Role.ADMIN, Role.BD, Role.BROKER, Role.CLIENT):
        granted = operation.policy is None or role not in operation.left_out()
        if granted and sees(operation, role, "ours"):
            return role
    raise LookupError(f"no role may {operation}")
