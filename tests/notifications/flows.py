"""For each event type that tells somebody: a real flow that makes it happen, and whom it should reach.

A flow is given the scene, does what people or the clock do, and returns the users who are to be told.
"""

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import time_machine
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from applications.models import Application
from applications.services.unchanged import unchanged_stages_tell
from documents.models import Document
from documents.services.notes import notes_remind
from documents.services.reading import version_read
from documents.services.sealing import requests_seal
from engagement.services.appointments import appointments_remind
from engagement.services.follow_ups import follow_ups_tell
from jobs.choices import JobStatus
from jobs.services.lifecycle import job_finish
from jobs.services.running import job_run
from notifications.tasks import send_reminders
from reports.tasks import run_schedules
from servicing.dates import business_date
from servicing.models import Commission, PartnerCommission, Payment
from servicing.services.nightly import nightly
from tests.clients import PASSWORD, ApiClient
from tests.documents import makers, signing
from tests.documents.fake_clamd import VIRUS, FakeClamd
from tests.drawings import base64_of, drawing
from tests.engagement import meetings
from tests.factories import (
    AlertFactory,
    JobFactory,
    NoteFactory,
    ReportScheduleFactory,
    SavedReportFactory,
    UserFactory,
    World,
)
from tests.notifications.smtp import post_office
from tests.servicing import kit
from users.models import User

Flow = Callable[["Scene"], Collection[User]]
FLOWS: dict[str, Flow] = {}
NOTES = "/api/documents/notes/"


def flow(event_type: str) -> Callable[[Flow], Flow]:
    """Name the event type that a flow makes happen."""

    def keep(function: Flow) -> Flow:
        assert event_type not in FLOWS, event_type
        FLOWS[event_type] = function
        return function

    return keep


class Scene:
    """Our side of the world: a client for each of its people, and requests that have to succeed."""

    def __init__(self, world: World) -> None:
        self.world, self.admin = world, world.admin
        self.bd, self.broker, self.client = (
            world.ours.bd_user,
            world.ours.broker_user,
            world.ours.client_user,
        )
        self.application: Application = world.ours.application
        self.everyone = {self.admin, self.bd, self.broker, self.client}

    def post(self, user: User | None, path: str, body: Any = None, **kwargs: Any) -> Any:
        """Send a request and read its reply."""
        return self.send("post", user, path, body or {}, **kwargs)

    def send(self, method: str, user: User | None, path: str, body: Any = None, **kwargs: Any) -> Any:
        """The same, by another method."""
        client = ApiClient(user)
        reply = getattr(client, method)(path, body, **kwargs)
        assert reply.status_code < 300, reply.content
        return reply.json() if reply.content else None

    def at(self, rest: str) -> str:
        """An address of our application."""
        return f"/api/applications/{self.application.pk}/{rest}"


def noon(day: date) -> Any:
    """At noon in Sydney."""
    zone = ZoneInfo("Australia/Sydney")
    return time_machine.travel(datetime(*day.timetuple()[:3], 12, tzinfo=zone), tick=False)


# --- accounts ------------------------------------------------------------------------------------


@flow("user.registered")
def _(scene: Scene) -> Collection[User]:
    body = {"email": "nia@example.com", "first_name": "Nia", "last_name": "Novak", "password": PASSWORD}
    scene.post(None, "/api/users/auth/register/", {**body, "role": "broker"})
    return [scene.admin]


@flow("user.approved")
def _(scene: Scene) -> Collection[User]:
    user = UserFactory.create(role="broker", status="pending")
    scene.post(scene.admin, f"/api/users/users/{user.pk}/approve/")
    return [user]


@flow("user.activated")
def _(scene: Scene) -> Collection[User]:
    user = UserFactory.create(role="broker", status="suspended")
    scene.post(scene.admin, f"/api/users/users/{user.pk}/activate/")
    return [user]


@flow("user.email_changed")
def _(scene: Scene) -> Collection[User]:
    scene.send("patch", scene.admin, f"/api/users/users/{scene.client.pk}/", {"email": "other@example.com"})
    return [scene.client]


@flow("user.password_changed")
def _(scene: Scene) -> Collection[User]:
    body = {"current_password": PASSWORD, "new_password": "paper lantern over the harbour"}
    scene.post(scene.client, "/api/users/auth/password/change/", body)
    return [scene.client]


@flow("user.refresh_token_reused")
def _(scene: Scene) -> Collection[User]:
    client = ApiClient(scene.client)
    assert client.tokens is not None
    old = {"refresh": client.tokens.refresh}
    scene.post(None, "/api/users/auth/refresh/", old)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert ApiClient().post("/api/users/auth/refresh/", old).status_code == 401
    return [scene.client]


def _key(scene: Scene) -> str:
    body = {"name": "Website", "user": scene.broker.pk, "scopes": ["read"]}
    made = scene.post(scene.admin, "/api/users/api-keys/", body)
    return f"/api/users/api-keys/{made['id']}/"


@flow("api_key.created")
def _(scene: Scene) -> Collection[User]:
    _key(scene)
    return [scene.broker]


@flow("api_key.rotated")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.admin, f"{_key(scene)}rotate/")
    return [scene.broker]


@flow("api_key.revoked")
def _(scene: Scene) -> Collection[User]:
    scene.send("delete", scene.admin, _key(scene))
    return [scene.broker]


# --- applications --------------------------------------------------------------------------------


@flow("application.created")
def _(scene: Scene) -> Collection[User]:
    terms = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}
    scene.post(scene.client, "/api/applications/", {**terms, "borrowers": [scene.world.ours.borrower.pk]})
    return [scene.admin]


@flow("application.assigned")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.admin, scene.at("assign/"), {"bd": scene.world.theirs.bdm.pk})
    return [scene.bd, scene.world.theirs.bd_user]


@flow("application.signed")
def _(scene: Scene) -> Collection[User]:
    body = {"signature": base64_of(drawing()), "name": "Bea Borrower"}
    scene.post(scene.client, scene.at("signature/"), body)
    return scene.everyone - {scene.client}


@flow("application.stage_changed")
def _(scene: Scene) -> Collection[User]:
    scene.send("put", scene.bd, scene.at("stage/"), {"stage": "sent_to_lender"})
    return scene.everyone - {scene.bd}


@flow("application.stage_unchanged")
def _(scene: Scene) -> Collection[User]:
    long_ago = timezone.now() - timedelta(days=15)
    Application.objects.filter(pk=scene.application.pk).update(stage_entered_at=long_ago)
    assert unchanged_stages_tell() == 1
    return [scene.bd]


# --- loans ---------------------------------------------------------------------------------------


@flow("loan.settled")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.admin, scene.at("settle/"), kit.settle(scene.world))
    return scene.everyone - {scene.admin}


@flow("loan.extended")
def _(scene: Scene) -> Collection[User]:
    kit.loan_of(scene.admin, scene.application)
    scene.post(scene.admin, scene.at("extend-loan/"), {"interest_rate": "5.0000"})
    return scene.everyone - {scene.admin}


@flow("loan.paid_out")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.admin, scene.at("payoff/"), kit.pay_out(scene.world))
    return scene.everyone - {scene.admin}


@flow("payment.recorded")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.bd, scene.at("record-payment/"), kit.record_payment(scene.world))
    return scene.everyone - {scene.bd}


@flow("payment.reversed")
def _(scene: Scene) -> Collection[User]:
    payment: Payment = kit.payment_of(scene.admin, scene.application)
    scene.post(scene.bd, scene.at(f"payments/{payment.pk}/reverse/"), {"reason": "It bounced."})
    return scene.everyone - {scene.bd}


@flow("payment.refunded")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.bd, scene.at("refund/"), kit.refund(scene.world))
    return scene.everyone - {scene.bd}


@flow("fee.added")
def _(scene: Scene) -> Collection[User]:
    fee = {"fee_type": "valuation", "amount": "550.00", "due_date": "2026-12-01"}
    scene.post(scene.bd, scene.at("fees/"), fee)
    return scene.everyone - {scene.bd}


def _overdue(scene: Scene, days: int) -> None:
    with noon(kit.START):
        kit.settled(scene.admin, scene.application)
    # The first repayment is due on 15 February 2025.
    with noon(date(2025, 2, 15) + timedelta(days=days)):
        nightly(business_date())


@flow("repayment.due_soon")
def _(scene: Scene) -> Collection[User]:
    _overdue(scene, -7)
    return [scene.client, scene.bd]


@flow("repayment.overdue")
def _(scene: Scene) -> Collection[User]:
    _overdue(scene, 3)
    return [scene.client]


@flow("commission.accrued")
def _(scene: Scene) -> Collection[User]:
    kit.commission_of(scene.admin, scene.application)
    return [scene.broker]


@flow("commission.clawed_back")
def _(scene: Scene) -> Collection[User]:
    boss = UserFactory.create(role="admin")
    kit.commission_of(scene.admin, scene.application)
    scene.post(scene.admin, scene.at("payoff/"), kit.pay_out(scene.world))
    return [scene.broker, boss]


@flow("commission.paid")
def _(scene: Scene) -> Collection[User]:
    commission: Commission = kit.commission_of(scene.admin, scene.application)
    broker = scene.world.ours.broker.pk
    scene.post(scene.admin, f"/api/brokers/{broker}/commissions/{commission.pk}/mark-paid/")
    return [scene.broker]


def _referred(scene: Scene) -> PartnerCommission:
    return kit.partner_commission_of(scene.admin, scene.application)


@flow("commission.referral_accrued")
def _(scene: Scene) -> Collection[User]:
    _referred(scene)
    return [scene.bd]


@flow("commission.referral_clawed_back")
def _(scene: Scene) -> Collection[User]:
    boss = UserFactory.create(role="admin")
    _referred(scene)
    scene.post(scene.admin, scene.at("payoff/"), kit.pay_out(scene.world))
    return [scene.bd, boss]


@flow("commission.referral_paid")
def _(scene: Scene) -> Collection[User]:
    commission = _referred(scene)
    address = f"/api/partnerships/{commission.partnership_id}/commissions/{commission.pk}/mark-paid/"
    scene.post(scene.admin, address)
    return [scene.bd]


# --- documents and notes -------------------------------------------------------------------------


def _document(scene: Scene, *, for_client: bool) -> Document:
    body = {"file": makers.upload(), "visible_to_client": for_client}
    made = scene.post(scene.bd, scene.at("documents/"), body, format="multipart")
    return Document.objects.get(pk=made["id"])


@flow("document.uploaded")
def _(scene: Scene) -> Collection[User]:
    _document(scene, for_client=True)
    return scene.everyone - {scene.bd}


@flow("document.uploaded_for_partners")
def _(scene: Scene) -> Collection[User]:
    _document(scene, for_client=False)
    return [scene.admin, scene.broker]


def _version(scene: Scene, *, for_client: bool) -> None:
    document = _document(scene, for_client=for_client)
    body = {"file": makers.upload()}
    path = f"/api/documents/documents/{document.pk}/create-version/"
    scene.post(scene.bd, path, body, format="multipart")


@flow("document.version_added")
def _(scene: Scene) -> Collection[User]:
    _version(scene, for_client=True)
    return scene.everyone - {scene.bd}


@flow("document.version_added_for_partners")
def _(scene: Scene) -> Collection[User]:
    _version(scene, for_client=False)
    return [scene.admin, scene.broker]


def _batch(scene: Scene, *, for_client: bool) -> None:
    body = {
        "application": scene.application.pk,
        "files": [makers.upload(), makers.upload(makers.picture(), "photo.png")],
        "visible_to_client": for_client,
    }
    job_run(scene.post(scene.bd, "/api/documents/batches/", body, format="multipart")["job"])


@flow("document.batch_added")
def _(scene: Scene) -> Collection[User]:
    _batch(scene, for_client=True)
    return scene.everyone - {scene.bd}


@flow("document.batch_added_for_partners")
def _(scene: Scene) -> Collection[User]:
    _batch(scene, for_client=False)
    return [scene.admin, scene.broker]


@flow("document.quarantined")
def _(scene: Scene) -> Collection[User]:
    bad = makers.pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%" + VIRUS + b"\n")
    document = makers.document_of(scene.application, scene.client, bad)
    with FakeClamd() as server, override_settings(SCAN_URL=server.url):
        version_read(document.current.pk)  # type: ignore[union-attr]
    return scene.everyone


def _note(scene: Scene, visibility: str, **fields: Any) -> None:
    body = {"application": scene.application.pk, "text": "Call.", "visibility": visibility, **fields}
    scene.post(scene.bd, NOTES, body)


@flow("note.added")
def _(scene: Scene) -> Collection[User]:
    _note(scene, "client")
    return scene.everyone - {scene.bd}


@flow("note.added_for_broker")
def _(scene: Scene) -> Collection[User]:
    _note(scene, "broker")
    return [scene.admin, scene.broker]


@flow("note.added_internal")
def _(scene: Scene) -> Collection[User]:
    _note(scene, "internal")
    return [scene.admin]


@flow("note.assigned")
def _(scene: Scene) -> Collection[User]:
    _note(scene, "broker", assigned_to=scene.broker.pk)
    return [scene.broker]


@flow("note.reminder_due")
def _(scene: Scene) -> Collection[User]:
    _note(scene, "broker", assigned_to=scene.broker.pk, remind_date=business_date().isoformat())
    assert notes_remind(business_date()) == 1
    return [scene.bd, scene.broker]


def _comment(scene: Scene, visibility: str, author: User) -> None:
    note = NoteFactory.create(application=scene.application, author=author, visibility=visibility)
    scene.post(scene.bd, f"{NOTES}{note.pk}/comments/", {"text": "Done."})


@flow("note.commented")
def _(scene: Scene) -> Collection[User]:
    _comment(scene, "client", scene.broker)
    return [scene.broker]


@flow("note.commented_for_broker")
def _(scene: Scene) -> Collection[User]:
    _comment(scene, "broker", scene.broker)
    return [scene.broker]


@flow("note.commented_internal")
def _(scene: Scene) -> Collection[User]:
    _comment(scene, "internal", scene.admin)
    return [scene.admin]


# --- appointments and reviews --------------------------------------------------------------------

MEETINGS = "/api/appointments/"


def _booked(scene: Scene) -> tuple[str, datetime]:
    made = scene.post(scene.bd, MEETINGS, meetings.booking(scene.world))
    return f"{MEETINGS}{made['id']}/", datetime.fromisoformat(made["starts_at"])


@flow("appointment.booked")
def _(scene: Scene) -> Collection[User]:
    _booked(scene)
    return [scene.client]


@flow("appointment.rescheduled")
def _(scene: Scene) -> Collection[User]:
    address, _ = _booked(scene)
    scene.post(scene.client, f"{address}reschedule/", meetings.times(15))
    return [scene.bd]


@flow("appointment.cancelled")
def _(scene: Scene) -> Collection[User]:
    address, _ = _booked(scene)
    scene.post(scene.client, f"{address}cancel/", {"reason": "Ill."})
    return [scene.bd]


def _ended(scene: Scene, *, attended: bool) -> None:
    row = meetings.appointment_of(scene.application, scene.bd, is_over=True)
    scene.post(scene.bd, f"{MEETINGS}{row.pk}/complete/", {"attended": attended})


@flow("appointment.completed")
def _(scene: Scene) -> Collection[User]:
    _ended(scene, attended=True)
    return [scene.client]


@flow("appointment.missed")
def _(scene: Scene) -> Collection[User]:
    _ended(scene, attended=False)
    return [scene.client]


@flow("appointment.reminder_due")
def _(scene: Scene) -> Collection[User]:
    _, start = _booked(scene)
    assert appointments_remind(start - timedelta(hours=20)) == 1
    return [scene.bd, scene.client]


def _reviewed(scene: Scene) -> str:
    application = meetings.settled_of(scene.world.ours)
    body = {"application": application.pk, "rating": 5, "title": "Quick and clear"}
    return f"/api/reviews/{scene.post(scene.client, '/api/reviews/', body)['id']}/"


@flow("review.written")
def _(scene: Scene) -> Collection[User]:
    _reviewed(scene)
    return [scene.broker, scene.bd]


@flow("review.responded")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.broker, f"{_reviewed(scene)}respond/", {"response": "Thank you."})
    return [scene.client]


# --- signatures ----------------------------------------------------------------------------------


def _request(scene: Scene) -> str:
    document = signing.document_of(scene.application, scene.bd, visible_to_client=True)
    path = f"/api/documents/documents/{document.pk}/send-for-signature/"
    made = scene.post(scene.bd, path, {"signers": [{"user": scene.client.pk}]})
    return f"/api/documents/signature-requests/{made['id']}/"


@flow("signature.requested")
def _(scene: Scene) -> Collection[User]:
    _request(scene)
    return [scene.client]


@flow("signature.reminded")
def _(scene: Scene) -> Collection[User]:
    request = _request(scene)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        scene.post(scene.bd, f"{request}remind/")
    return [scene.client]


def _sign(scene: Scene) -> None:
    scene.post(scene.client, f"{_request(scene)}sign/", {"consent": True, "typed_name": "Bea Borrower"})


@flow("signature.signed")
def _(scene: Scene) -> Collection[User]:
    _sign(scene)
    return [scene.bd]


@flow("signature.completed")
def _(scene: Scene) -> Collection[User]:
    _sign(scene)
    requests_seal()
    return scene.everyone


@flow("signature.declined")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.client, f"{_request(scene)}decline/", {"reason": "The rate is wrong."})
    return [scene.bd]


@flow("signature.ended")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.admin, f"{_request(scene)}cancel/")
    return [scene.bd]


# --- jobs, reminders, alerts ---------------------------------------------------------------------


@flow("job.finished")
def _(scene: Scene) -> Collection[User]:
    job = JobFactory.create(created_by=scene.broker)
    with transaction.atomic():
        job_finish(job=job, status=JobStatus.SUCCEEDED, message="12 applications.")
    return [scene.broker]


@flow("report_file.ready")
def _(scene: Scene) -> Collection[User]:
    report = SavedReportFactory.create(owner=scene.admin, shared_with="brokers")
    ReportScheduleFactory.create(report=report, recipients=[scene.broker], next_run_at=timezone.now())
    assert run_schedules() == 1
    assert run_schedules() == 0
    return [scene.broker]


@flow("report_schedule.failed")
def _(scene: Scene) -> Collection[User]:
    report = SavedReportFactory.create(owner=scene.bd, definition={"source": "gone"})
    ReportScheduleFactory.create(report=report, next_run_at=timezone.now())
    assert run_schedules() == 0
    return [scene.bd]


@flow("reminder.failed")
def _(scene: Scene) -> Collection[User]:
    body = {"recipient_type": "custom", "recipient_email": "olga@example.org", "subject": "Payslips",
            "body": "Please.", "send_datetime": "2020-01-01T00:00:00Z"}  # fmt: skip
    scene.post(scene.bd, "/api/reminders/", body)
    with post_office() as post:
        post.answers["olga@example.org"] = "550 No such person here"
        assert send_reminders() == 1
    return [scene.bd]


@flow("alert.raised")
def _(scene: Scene) -> Collection[User]:
    scene.post(scene.bd, "/api/alerts/", {"title": "The valuer is gone"})
    return [scene.admin]


@flow("alert.assigned")
def _(scene: Scene) -> Collection[User]:
    alert = AlertFactory.create(created_by=scene.admin)
    scene.send("patch", scene.admin, f"/api/alerts/{alert.pk}/", {"assigned_to": scene.bd.pk})
    return [scene.bd]


@flow("alert.resolved")
def _(scene: Scene) -> Collection[User]:
    alert = AlertFactory.create(created_by=scene.bd)
    scene.post(scene.admin, f"/api/alerts/{alert.pk}/resolve/", {"resolution": "Found another."})
    return [scene.bd]


# --- conversations -------------------------------------------------------------------------------


def _chat(scene: Scene) -> int:
    body = {
        "kind": "application",
        "application": scene.application.pk,
        "members": [scene.broker.pk, scene.client.pk],
    }
    return int(scene.post(scene.bd, "/api/chat/conversations/", body, format="json")["id"])


@flow("conversation.started")
def _(scene: Scene) -> Collection[User]:
    _chat(scene)
    return [scene.broker, scene.client]


@flow("conversation.member_added")
def _(scene: Scene) -> Collection[User]:
    pk = _chat(scene)
    scene.post(scene.bd, f"/api/chat/conversations/{pk}/members/", {"user": scene.admin.pk})
    return [scene.admin]


@flow("message.sent")
def _(scene: Scene) -> Collection[User]:
    pk = _chat(scene)
    scene.post(scene.client, f"/api/chat/conversations/{pk}/mute/", {"is_muted": True})
    scene.post(scene.bd, f"/api/chat/conversations/{pk}/messages/", {"body": "When does the valuer come?"})
    return [scene.broker]


# --- leads ---------------------------------------------------------------------------------------


@flow("lead.assigned")
def _(scene: Scene) -> Collection[User]:
    pk = scene.world.ours.lead.pk
    scene.post(scene.admin, f"/api/leads/{pk}/assign/", {"assignee": scene.bd.pk})
    return [scene.bd]


@flow("lead.follow_up_due")
def _(scene: Scene) -> Collection[User]:
    pk = scene.world.ours.lead.pk
    day = business_date() - timedelta(days=2)
    scene.send("patch", scene.bd, f"/api/leads/{pk}/", {"follow_up_on": day.isoformat()})
    assert follow_ups_tell() == 1
    assert follow_ups_tell() == 0
    return [scene.broker]
