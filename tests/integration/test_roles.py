"""Every role × action with real tokens: granted, refused on a visible row, missing when invisible."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from applications.choices import Stage
from crm_backend.common.permissions import IsSelfService
from crm_backend.common.policy import Policy
from documents.models import Document, Note, NoteComment, SignatureRequest, Signer
from engagement.models import Appointment, Interaction, OfficeHours
from events.models import Event
from messaging.models import Member, Message
from notifications.models import Alert
from reports.models import SavedReport
from tests.integration.addresses import address, sees
from tests.integration.bodies import BODIES
from tests.plugins.route_table import Operation, operations, routes
from users.choices import Role

# Thousands of short requests, whose lines other tests have run for the coverage already.
pytestmark = [pytest.mark.usefixtures("one_world"), pytest.mark.no_cover]

# The contract, written down a second time: whoever changes the policy changes it here on purpose.
# a = admin, d = BDM, b = broker, c = client; B = broker under a condition.
LETTERS = {"a": Role.ADMIN, "d": Role.BD, "b": Role.BROKER, "c": Role.CLIENT}
GRANTS = {
    "api-keys": {
        "list": "a",
        "retrieve": "a",
        "create": "a",
        "update": "a",
        "destroy": "a",
        "rotate": "a",
    },
    "applications": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "abc",
        "create_with_cascade": "abc",
        "validate_schema": "abc",
        "new": "abc",
        "pipeline": "adbc",
        "assign": "a",
        "bulk_import": "ab",
        "bulk_import_template": "ab",
        "export": "adbc",
        "update": "ADB",
        "destroy": "a",
        "stage": "adbc",
        "stage_history": "adbc",
        "timeline": "adbc",
        "funding_calculation": "ADB",
        "funding_calculation_history": "adb",
        "borrowers": "adbc",
        "set_borrowers": "ADB",
        "guarantors": "adbc",
        "set_guarantors": "ADB",
    },
    "leads": {
        "list": "adb",
        "retrieve": "adb",
        "create": "adb",
        "update": "adb",
        "destroy": "a",
        "set_status": "adb",
        "score": "adb",
        "assign": "ad",
        "convert": "adb",
        "timeline": "adb",
        "hot": "adb",
        "stats": "adb",
        "bulk_import": "adb",
        "bulk_import_template": "adb",
    },
    "assets": {"list": "adbc", "retrieve": "adbc", "create": "adb", "update": "adb", "destroy": "adb"},
    "audit-logs": {"list": "a", "retrieve": "a"},
    "documents": {
        "list": "adbc",
        "retrieve": "adbc",
        "download": "adbc",
        "thumbnail": "adbc",
        "versions": "adbc",
        "version_download": "adbc",
        "create": "adbc",
        "create_version": "adbC",
        "update": "adb",
        "destroy": "adB",
    },
    "document-batches": {"list": "adbc", "retrieve": "adbc", "create": "adbc", "download": "adbc"},
    "bdms": {
        "list": "adb",
        "retrieve": "adb",
        "create": "a",
        "update": "a",
        "destroy": "a",
        "applications": "ad",
        "portfolio": "ad",
    },
    "borrowers": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adb",
        "company": "adb",
        "update": "adbc",
        "destroy": "a",
        "guarantors": "adbc",
        "applications": "adbc",
        "financial_summary": "adbc",
        "timeline": "adbc",
        "duplicates": "adb",
        "merge": "ad",
    },
    "borrower-merges": {"list": "ad", "retrieve": "ad", "undo": "ad"},
    "duplicate-pairs": {"list": "ad", "retrieve": "ad", "dismiss": "ad", "reopen": "ad"},
    "customers": {"list": "adb", "retrieve": "adb"},
    "branches": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "a",
        "update": "a",
        "destroy": "a",
        "brokers": "adb",
        "bdms": "adb",
        "team": "ad",
    },
    "brokers": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "a",
        "update": "a",
        "destroy": "a",
        "applications": "adb",
        "stats": "adb",
        "commission_summary": "adb",
    },
    "commissions": {"list": "adb", "retrieve": "adb", "mark_paid": "a", "pay": "a"},
    "partnerships": {
        "list": "ad",
        "retrieve": "ad",
        "create": "ad",
        "update": "ad",
        "destroy": "a",
        "change_status": "ad",
        "referrals": "ad",
        "commission_summary": "ad",
    },
    "partner-commissions": {"list": "ad", "retrieve": "ad", "mark_paid": "a"},
    "partnership-terms": {"list": "ad", "retrieve": "ad", "create": "a", "destroy": "a"},
    "commission-terms": {"list": "a", "retrieve": "a", "create": "a", "update": "a", "destroy": "a"},
    "fees": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "ad",
        "update": "ad",
        "destroy": "ad",
        "mark_paid": "ad",
        "waive": "ad",
    },
    "ledger": {"list": "adbc", "statement": "adbc"},
    "loans": {
        "settle": "ad",
        "schedule": "adbc",
        "payoff": "adbc",
        "pay_out": "ad",
        "extend_loan": "ad",
        "write_off": "ad",
    },
    "payments": {
        "list": "adbc",
        "retrieve": "adbc",
        "record_payment": "ad",
        "reverse": "ad",
        "refund": "ad",
    },
    "realtime": {"config": "adbc", "status": "adbc", "auth": "adbc", "trigger": "a"},
    "repayments": {"list": "adbc", "retrieve": "adbc", "mark_paid": "ad"},
    "chat-groups": {
        "list": "adb",
        "retrieve": "adb",
        "create": "adb",
        "update": "ADB",
        "destroy": "ADB",
        "join": "ad",
        "leave": "adb",
    },
    "contacts": {"list": "adbc"},
    "conversations": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adbc",
        "update": "ADBC",
        "destroy": "ADBC",
        "read": "adbc",
        "mute": "adbc",
        "status": "adbc",
    },
    "conversation-members": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "ADBC",
        "update": "ADBC",
        "destroy": "ADBC",
    },
    "messages": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adbc",
        "update": "ADBC",
        "destroy": "ADBC",
    },
    "guarantors": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adb",
        "update": "adb",
        "destroy": "a",
        "guaranteed_applications": "adbc",
    },
    "jobs": {
        "list": "adbc",
        "retrieve": "adbc",
        "cancel": "adbc",
        "retry": "adbc",
        "result": "adbc",
        "stream": "adbc",
        "stream_ticket": "adbc",
    },
    "liabilities": {"list": "adbc", "retrieve": "adbc", "create": "adb", "update": "adb", "destroy": "adb"},
    "letters": {"types": "ad", "generate": "ad", "preview": "ad", "source": "ad"},
    "appointments": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adbc",
        "availability": "adbc",
        "update": "adB",
        "destroy": "a",
        "complete": "adB",
        "cancel": "adBc",
        "reschedule": "adBc",
    },
    "office-hours": {"list": "adb", "retrieve": "adb", "create": "adb", "update": "aDb", "destroy": "aDb"},
    "interactions": {"list": "adb", "retrieve": "adb", "create": "adb", "update": "aDB", "destroy": "aDB"},
    "reviews": {
        "list": "adbc",
        "retrieve": "adbc",
        "summary": "adb",
        "create": "c",
        "update": "c",
        "respond": "adb",
        "hide": "a",
    },
    "notes": {"list": "adbc", "retrieve": "adbc", "create": "adb", "update": "adB", "destroy": "aDB"},
    "note-comments": {"list": "adbc", "create": "adb", "destroy": "aDB"},
    "mail-log": {"list": "a", "retrieve": "a"},
    "reminders": {"list": "adb", "retrieve": "adb", "create": "adb", "update": "adb", "destroy": "adb"},
    "alerts": {
        "list": "ad",
        "retrieve": "ad",
        "create": "ad",
        "update": "aD",
        "destroy": "aD",
        "acknowledge": "ad",
        "resolve": "ad",
    },
    "notifications": {
        "list": "adbc",
        "retrieve": "adbc",
        "destroy": "adbc",
        "mark_read": "adbc",
        "mark_one_read": "adbc",
        "unread_count": "adbc",
    },
    "securities": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "adb",
        "update": "ADB",
        "destroy": "ADB",
    },
    "products": {
        "list": "adbc",
        "retrieve": "adbc",
        "create": "a",
        "update": "a",
        "destroy": "a",
    },
    "schedules": {"preview": "adbc"},
    "custom-reports": {"run": "adb", "fields": "adb", "export": "adb"},
    "saved-reports": {
        "list": "adb",
        "retrieve": "adb",
        "create": "adb",
        "run": "adb",
        "export": "adb",
        "update": "aDB",
        "destroy": "aDB",
    },
    "report-schedules": {
        "list": "adb",
        "retrieve": "adb",
        "create": "adb",
        "update": "adb",
        "destroy": "adb",
    },
    "report-files": {"list": "adb", "retrieve": "adb", "download": "adb"},
    "reports": {"report": "adb", "export": "adb"},
    "analytics": {"overview": "adb", "leads": "adb", "revenue": "ad", "team": "ad"},
    "signature-requests": {
        "list": "adbc",
        "retrieve": "adbc",
        "file": "adbc",
        "verify": "adbc",
        "create": "adb",
        "cancel": "adB",
        "remind": "adB",
        "sign": "ADBC",
        "decline": "ADBC",
    },
    "signatures": {"list": "adbc", "retrieve": "adbc", "create": "ac", "image": "adC"},
    "sessions": {"list": "a", "destroy": "a"},
    "templates": {
        "list": "ad",
        "retrieve": "ad",
        "preview": "ad",
        "source": "ad",
        "create": "a",
        "update": "a",
        "destroy": "a",
    },
    "team-members": {
        "list": "ad",
        "retrieve": "ad",
        "workload": "ad",
        "performance": "ad",
        "create": "a",
        "update": "a",
        "destroy": "a",
    },
    "users": {
        "list": "adbc",
        "retrieve": "adbc",
        "me": "adbc",
        "create": "a",
        "update": "a",
        "destroy": "a",
        "approve": "a",
        "activate": "a",
        "suspend": "a",
        "force_logout": "a",
    },
}

RESOURCES = [operation for operation in operations() if operation.policy is not None]
WITH_ID = [operation for operation in RESOURCES if operation.parameters]
CELLS = [(operation, role) for operation in RESOURCES for role in Role.values]
HIDDEN = [
    (operation, role) for operation in WITH_ID for role in Role.values if not sees(operation, role, "theirs")
]
CONDITIONAL = [
    (operation, role)
    for operation in RESOURCES
    for role, grant in operation.policy.actions.get(operation.policy_action, {}).items()
    if grant.condition is not None and sees(operation, role, "ours")
]

# Where it is not 201 for creating, 204 for deleting and 200 for the rest.
STATUSES = {
    "appointment_availability": 400,  # without a question
    "reports_export": 400,  # of nothing
    "chat_group_leave": 204,
    "document_create_version": 201,
    "document_batch_create": 202,
    "letter_generate": 202,
    "job_stream_ticket": 201,
    "application_create_with_cascade": 201,
    "application_bulk_import": 202,
    "lead_bulk_import": 202,
    "job_result": 409,  # of a job that is not finished
    "application_funding_calculation": 201,
    "borrower_company": 201,
    "borrower_merge": 201,
    "loan_settle": 201,
    "loan_pay_out": 201,
    "loan_extend_loan": 201,
    "loan_write_off": 201,
    "payment_record_payment": 201,
    "payment_refund": 201,
}


@dataclass(frozen=True)
class Answer:
    """What the contract says about a role and an operation on our rows."""

    granted: bool
    visible: bool

    def status(self, operation: Operation) -> int:
        """The exact status of the reply."""
        if not self.visible:
            return 404
        if not self.granted:
            return 403
        usual = {"create": 201, "destroy": 204}.get(operation.action, 200)
        return STATUSES.get(operation.id, usual)


def letters(operation: Operation) -> str:
    """Who may, by the table above."""
    return GRANTS[operation.policy.resource].get(operation.policy_action, "")


def expected(operation: Operation, role: str) -> Answer:
    """By the two tables of this folder, not by the product's own."""
    granted = role in {LETTERS[letter.lower()] for letter in letters(operation)}
    return Answer(granted, sees(operation, role, "ours"))


def encoded(operation: Operation, body: dict[str, Any]) -> tuple[bytes | str, str]:
    """A body as the operation takes it, and its content type."""
    if operation.takes_json or not body:
        return json.dumps(body), "application/json"
    return encode_multipart(BOUNDARY, body), MULTIPART_CONTENT


def content_of(reply: Any) -> bytes:
    """The body of a reply, streamed or not."""
    return b"".join(reply) if reply.streaming else reply.content


def name_of(value: Any) -> str:
    return str(value)


def test_the_policy_is_the_contract():
    letter_of = {role: letter for letter, role in LETTERS.items()}
    actual = {
        resource: {
            action: {
                letter_of[Role(role)].upper() if grant.condition else letter_of[Role(role)]
                for role, grant in grants.items()
            }
            for action, grants in policy.actions.items()
        }
        for resource, policy in Policy.registry.items()
    }
    assert actual == {
        resource: {action: set(roles) for action, roles in actions.items()}
        for resource, actions in GRANTS.items()
    }


def test_every_row_of_the_policy_belongs_to_an_operation():
    used = {(operation.policy.resource, operation.policy_action) for operation in RESOURCES}
    declared = {
        (resource, action) for resource, policy in Policy.registry.items() for action in policy.actions
    }
    assert used == declared


def test_every_view_says_who_may_use_it():
    silent = []
    for route in routes():
        view = route.view
        if getattr(view, "policy", None) is not None or getattr(view, "public", None):
            continue
        if IsSelfService in getattr(view, "permission_classes", ()):
            continue
        silent.append(route.path)
    assert silent == ["/"]  # the page for people


def test_every_public_view_gives_its_reason():
    reasons = {route.view.__name__: getattr(route.view, "public", "") for route in routes()}
    assert all(len(reason) >= len("documentation") for reason in reasons.values() if reason)


@pytest.mark.parametrize(("operation", "role"), CELLS, ids=name_of)
def test_a_role_on_our_rows(operation, role, world, api):
    answer = expected(operation, role)
    whose = "fresh" if operation.action == "destroy" and role == Role.ADMIN else "ours"
    path = address(operation, world, role, whose)
    body = BODIES[operation.id](world) if operation.has_body and answer.granted else {}
    client = api(world.user(role))
    before = Event.objects.count()
    reply = client.generic(operation.method, path, *encoded(operation, body))
    assert reply.status_code == answer.status(operation), reply.content
    if not (answer.granted and answer.visible):
        codes = {403: "permission_denied", 404: "not_found"}
        assert reply.json()["code"] == codes[reply.status_code]
        assert Event.objects.count() == before


@pytest.mark.parametrize(("operation", "role"), HIDDEN, ids=name_of)
def test_a_role_on_rows_of_the_other_side(operation, role, world, api):
    path = address(operation, world, role, "theirs")
    client = api(world.user(role))
    before = Event.objects.count()
    reply = client.generic(operation.method, path, "{}", "application/json")
    assert reply.status_code == 404
    assert reply.json()["code"] == "not_found"
    assert Event.objects.count() == before


# Whose condition is that a row is one's own: `disown` gives it to somebody else.
OTHERS = {
    "alerts": "This alert is somebody else's.",
    "appointments": "This appointment is its host's to change.",
    "saved-reports": "This report is its owner's to change.",
    "office-hours": "These are somebody else's office hours.",
    "interactions": "Somebody else wrote this.",
    "notes": "This note is somebody else's.",
    "note-comments": "This comment is somebody else's.",
    "messages": "This message is somebody else's.",
}


# Whose condition is a place in the conversation.
RUN = "This is for those who run the conversation."
IN_CHAT = {"conversations", "chat-groups", "conversation-members"}


def spoil(operation, role, world):
    """Break the condition of a role on our rows; return the reason that it gives."""
    if operation.policy.resource == "documents":
        return "This document is for who uploaded it to change."
    if operation.policy.resource in IN_CHAT:
        return RUN
    if operation.policy.resource in OTHERS:
        return OTHERS[operation.policy.resource]
    if operation.policy.resource == "signature-requests":
        return (
            "You are not asked to sign this."
            if operation.action in ("sign", "decline")
            else "This request for signatures is somebody else's."
        )
    if operation.policy.resource == "signatures":
        world.ours.signature.signed_by = world.admin
        world.ours.signature.save()
        return "The image of a signature is for its signer."
    world.ours.application.stage = Stage.APP_SUBMITTED if role == Role.BROKER else Stage.SETTLED
    world.ours.application.save()
    if role == Role.BROKER:
        return "A submitted application is the lender's to change."
    return "The terms of a settled loan are not edited."


def disown(world):
    """Give what has an owner to somebody else; nobody is asked to sign anything."""
    Document.objects.update(created_by=world.admin)
    Alert.objects.update(created_by=world.admin)
    Note.objects.update(author=world.admin)
    Appointment.objects.update(host=world.admin)
    OfficeHours.objects.update(host=world.ours.broker_user)
    Interaction.objects.update(author=world.admin)
    SavedReport.objects.update(owner=world.admin, shared_with="branch", branch=world.ours.branch)
    NoteComment.objects.update(author=world.admin)
    SignatureRequest.objects.update(created_by=world.admin)
    Signer.objects.update(user=None)
    Message.objects.update(author=world.theirs.client_user)
    Member.objects.update(role="member")


@pytest.mark.parametrize(("operation", "role"), CONDITIONAL, ids=name_of)
def test_a_condition_refuses_with_its_reason(operation, role, world, api):
    reason = spoil(operation, role, world)
    path = address(operation, world, role)
    disown(world)
    before = Event.objects.count() + 1  # the login
    reply = api(world.user(role)).generic(operation.method, path, "{}", "application/json")
    assert reply.status_code == 403
    assert reply.json()["detail"] == reason
    assert Event.objects.count() == before


def needs_more(operation: Operation) -> bool:
    """Whether it answers nothing without something in its query."""
    return any(one.get("required") for one in operation.documented.get("parameters", []))


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize(
    "operation",
    [op for op in operations() if op.method == "GET" and not op.parameters and not needs_more(op)],
    ids=name_of,
)
def test_lists_and_own_pages_name_nobody_from_the_other_side(operation, role, world, api):
    reply = api(world.user(role)).get(operation.path)
    if operation.policy is None or expected(operation, role).granted:
        assert reply.status_code == 200
    else:
        assert reply.status_code == 403
    if role != Role.ADMIN:
        strangers = [user.email for user in world.theirs.users.values()]
        hidden = [*strangers, world.theirs.borrower.email, world.theirs.application.reference_number]
        if role == Role.BROKER and operation.path == "/api/brokers/bdms/":
            hidden.remove(world.theirs.bd_user.email)  # brokers choose among all BDMs
        content = content_of(reply)
        assert [word for word in hidden if word.encode() in content] == []
