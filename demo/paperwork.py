"""Letters, signatures, notes and conversations on the demo client's loans, by the services and as of now.

Not part of the book: that is one transaction, and files are kept before the transaction that shows them. What
is here is little, and a run that is cut short leaves a book without some of it.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from applications.models import Application
from demo.people import DEMO_EMAILS
from documents.choices import DocumentKind, LetterFormat, LetterType, NoteVisibility
from documents.facts.letters import LetterOptions
from documents.letters.press import MEDIA_TYPES, Form
from documents.models import Document, Note, SigningMail
from documents.services import notes
from documents.services.documents import document_create
from documents.services.files import file_keep
from documents.services.letters import KINDS, letter_print
from documents.services.reading import version_read
from documents.services.sealing import requests_seal
from documents.services.signature_requests import signature_request_create
from documents.services.signing import Place, signer_of, signer_sign
from events.models import Event
from messaging.models import Message
from messaging.selectors import who_see
from messaging.services.conversations import conversation_start, direct_start
from messaging.services.messages import message_send
from notifications.projections import make_notifications
from servicing.dates import business_date
from users.choices import Role
from users.models import User

ANSWERS = {
    Role.BROKER: "Yes please, the last two. Upload them here and I send them on.",
    Role.BD: "Two are enough. The valuation is booked for Monday.",
}
BROWSER = Place("203.0.113.7", "Mozilla/5.0 (demo)", by_link=False)


def write_paperwork() -> dict[str, int]:
    """Write it, if there is a demo client; how many of each."""
    people = {user.role: user for user in User.objects.filter(email__in=DEMO_EMAILS.values())}
    if Role.CLIENT not in people:
        return {}
    applications = Application.objects.filter(borrower_links__borrower__user=people[Role.CLIENT])
    settled = applications.filter(loan__isnull=False).order_by("pk").first()
    going = applications.filter(loan=None).order_by("-pk").first()
    if settled is not None:
        _of_a_loan(settled, people)
    if going is not None:
        _of_an_application(going, people)
    _talk(people, going)
    # Nobody is mailed for a demo; the logins can sign.
    SigningMail.objects.all().delete()
    tell_pending()
    written = {"application__in": applications}
    return {
        "documents": Document.objects.filter(**written).count(),
        "notes": Note.objects.filter(**written).count(),
        "messages": Message.objects.filter(conversation__members__user__in=people.values())
        .distinct()
        .count(),
    }


def _talk(people: dict[str, User], going: Application | None) -> None:
    """About the application, between broker and BDM, and in a group that staff can join."""
    bd, broker, client = people[Role.BD], people[Role.BROKER], people[Role.CLIENT]
    if going is not None:
        readers = who_see(going.pk, (bd, broker))
        about = conversation_start(
            actor=client, members=[one for one in (bd, broker) if one.pk in readers], application=going
        )
        message_send(conversation=about, author=client, body="Do you need my latest payslips as well?")
        for one in (broker, bd):
            if one.pk in readers:
                message_send(conversation=about, author=one, body=ANSWERS[Role(one.role)])
    direct, _ = direct_start(actor=broker, other=bd)
    message_send(conversation=direct, author=broker, body="Is the rate lock still possible this week?")
    message_send(conversation=direct, author=bd, body="Until Thursday, five in the afternoon.")
    group = conversation_start(actor=bd, members=[people[Role.ADMIN]], title="Rates and policy", is_open=True)
    message_send(conversation=group, author=bd, body="The new LVR limits apply from the first of the month.")


def tell_pending() -> None:
    """Make the notifications, as the dispatcher would, and owe no mail."""
    with transaction.atomic():
        events = list(Event.objects.filter(projected_at=None).order_by("id").select_for_update())
        make_notifications(events)
        told = Event.objects.filter(pk__in=[event.pk for event in events])
        told.update(projected_at=timezone.now())


def _of_a_loan(application: Application, people: dict[str, User]) -> None:
    staff, client = people[Role.BD], people[Role.CLIENT]
    agreement = _letter(application, LetterType.LOAN_AGREEMENT, staff)
    _ask(agreement, staff, client)
    request = agreement.signature_requests.get()
    signer_sign(signer=signer_of(request, client), place=BROWSER, typed_name=client.full_name)
    requests_seal()
    agreement.refresh_from_db()
    assert agreement.current_id is not None
    version_read(agreement.current_id)
    _letter(application, LetterType.SETTLEMENT, staff)
    _letter(application, LetterType.STATEMENT, staff)
    notes.note_add(
        application=application,
        author=staff,
        text="The client asks for a statement each quarter.",
        visibility=NoteVisibility.CLIENT,
    )


def _of_an_application(application: Application, people: dict[str, User]) -> None:
    staff, broker = people[Role.BD], people[Role.BROKER]
    offer = _letter(application, LetterType.INDICATIVE, staff)
    _ask(offer, staff, people[Role.CLIENT])
    note = notes.note_add(
        application=application,
        author=staff,
        text="Please send the latest payslips.",
        visibility=NoteVisibility.BROKER,
        assigned_to=broker,
        remind_date=business_date() + timedelta(days=3),
    )
    notes.comment_add(note=note, author=broker, text="They are on their way.")
    notes.note_add(
        application=application,
        author=people[Role.ADMIN],
        text="Call the client about the offer.",
        visibility=NoteVisibility.INTERNAL,
        assigned_to=staff,
        remind_date=business_date(),
    )


def _letter(application: Application, letter_type: LetterType, actor: User) -> Document:
    """As `documents.services.letters.letter_make`, without a job."""
    printed, letter = letter_print(
        application=application,
        letter_type=letter_type,
        form=LetterFormat.PDF,
        options=LetterOptions(dated=business_date()),
    )
    file = file_keep(content=printed.content, content_type=MEDIA_TYPES[Form.PDF])
    with transaction.atomic():
        document = document_create(
            application=application,
            actor=actor,
            file=file,
            name=f"{letter_type.label} {application.reference_number}.pdf",
            title=str(letter_type.label),
            kind=KINDS.get(letter_type, DocumentKind.LETTER),
            visible_to_client=True,
        )
        assert document.current is not None
        letter.version = document.current
        letter.save()
    version_read(document.current.pk)
    return document


def _ask(document: Document, actor: User, signer: User) -> None:
    with transaction.atomic():
        rows = Document.objects.select_related("application", "current__file")
        signature_request_create(
            document=rows.lock().get(pk=document.pk), actor=actor, signers=[{"user": signer}]
        )
