"""What a role that may sends with each operation that takes a body: by operation, from our world."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import ApplicationBorrower
from servicing.dates import business_date
from tests.clients import PASSWORD
from tests.documents import makers, signing
from tests.drawings import base64_of, drawing
from tests.engagement import meetings
from tests.factories import (
    ApplicationFactory,
    BdmFactory,
    BorrowerFactory,
    BranchFactory,
    SavedReportFactory,
    UserFactory,
    World,
)
from tests.servicing import kit as bodies
from users.choices import Role

# The contract, written down a second time: whoever changes the policy changes it here on purpose.
# a = admin, d = BDM, b = broker, c = client; B = broker under a condition.

TERMS = {"loan_amount": "300000.00", "loan_term": 240, "interest_rate": "5.9900"}
PERSON = {"first_name": "Nia", "last_name": "Novak"}
FEES = {
    "establishment_fee_rate": "1.5",
    "monthly_line_fee_rate": "0.1",
    "brokerage_fee_rate": "1.0",
    "application_fee": "500",
    "due_diligence_fee": "0",
    "legal_fee_before_gst": "1000",
    "valuation_fee": "600",
    "monthly_account_fee": "10",
    "working_fee": "0",
}
PARTNER = {
    "kind": "solicitor",
    "organisation": "Novak Law",
    "contact_name": "Nia Novak",
    "email": "nia@example.com",
    "agreement_start": "2026-01-01",
}
BRANCH = {"name": "North", "code": "N1", "state": "NSW"}
CUSTOM_REPORT = {"source": "applications", "dimensions": ["stage"], "measures": ["count"]}
SAVED_REPORT = {"name": "By stage", "definition": CUSTOM_REPORT}
PRODUCT = {"name": "Bridging", "code": "BRIDGE"}
ASSET = {"asset_type": "real_estate", "value": "900000.00"}
LIABILITY = {"liability_type": "mortgage", "balance": "400000.00"}
LOAN = {
    "principal": "100000.00",
    "annual_rate": "6.2500",
    "number_of_instalments": 12,
    "frequency": {"unit": "month", "every": 1},
    "start_date": "2026-01-31",
    "method": "equal_instalments",
    "day_count": "act_365",
    "rounding": {"mode": "half_up"},
}
LEAD = {"first_name": "Nia", "last_name": "Novak", "email": "nia@example.com", "source": "walk_in"}
FEE = {"fee_type": "valuation", "amount": "550.00", "due_date": "2026-12-01"}
SECURITY = {"security_type": "first_mortgage", "value": "700000.00"}


def known_to_all(world: World) -> Any:
    """A BDM beside ours, on another application of all of us."""
    bdm = BdmFactory.create(branch=world.ours.branch)
    other = ApplicationFactory.create(broker=world.ours.broker, bd=bdm, branch=world.ours.branch)
    ApplicationBorrower.objects.create(application=other, borrower=world.ours.borrower)
    return bdm.user


# What a granted role sends with an operation that takes a body.
ALERT = {"priority": "high", "title": "The valuer does not answer"}


def schedule(world: World) -> dict[str, Any]:
    """A schedule of a report that all of us see."""
    report = SavedReportFactory.create(owner=world.admin, shared_with="branch", branch=world.ours.branch)
    return {"report": report.pk, "recurrence": "daily", "at": "07:30"}


def reminder(world: World) -> dict[str, Any]:
    """A reminder to our broker, whom all of us see."""
    return {
        "recipient_type": "broker",
        "recipient_email": world.ours.broker.email,
        "subject": "Payslips",
        "body": "Please send the payslips.",
        "send_datetime": "2030-01-01T09:00:00Z",
    }


BODIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "api_key_create": lambda world: {"name": "Website", "scopes": ["read"]},
    "api_key_update": lambda world: {"name": "Website", "scopes": ["read"]},
    "api_key_partial_update": lambda world: {"name": "Website"},
    "api_key_rotate": lambda world: {},
    "application_create": lambda world: TERMS,
    "application_create_with_cascade": lambda world: {**TERMS, "securities": [SECURITY]},
    "application_validate_schema": lambda world: {**TERMS, "securities": [SECURITY]},
    "application_assign": lambda world: {"bd": world.ours.bdm.pk},
    "application_bulk_import": lambda world: {
        "file": SimpleUploadedFile(
            "loans.csv", b"client_reference,loan_amount,loan_term,interest_rate\nA,1,1,1"
        )
    },
    "lead_bulk_import": lambda world: {
        "file": SimpleUploadedFile("leads.csv", b"first_name,last_name,email\nMia,Chen,mia@example.com")
    },
    "application_update": lambda world: TERMS,
    "application_partial_update": lambda world: {"purpose": "A house"},
    "application_stage": lambda world: {"stage": "withdrawn"},
    "application_set_borrowers": lambda world: {"borrowers": [world.ours.borrower.pk]},
    "application_set_guarantors": lambda world: {"guarantors": [world.ours.guarantor.pk]},
    "application_funding_calculation": lambda world: FEES,
    "borrower_merge": lambda world: {
        "duplicate": BorrowerFactory.create(created_by=world.ours.bd_user).pk,
        "keep": {"email": "survivor"},
    },
    "duplicate_pair_dismiss": lambda world: {"reason": "Father and son"},
    "schedule_preview": lambda world: LOAN,
    "custom_report_run": lambda world: CUSTOM_REPORT,
    "custom_report_export": lambda world: CUSTOM_REPORT,
    "asset_create": lambda world: ASSET,
    "asset_update": lambda world: ASSET,
    "asset_partial_update": lambda world: {"value": "1.00"},
    "liability_create": lambda world: LIABILITY,
    "liability_update": lambda world: LIABILITY,
    "liability_partial_update": lambda world: {"balance": "1.00"},
    "document_create": lambda world: {
        "application": world.ours.application.pk,
        "file": makers.upload(),
    },
    "application_document_create": lambda world: {"file": makers.upload()},
    "document_create_version": lambda world: {"file": makers.upload(), "note": "New rate"},
    "document_update": lambda world: {"title": "Offer", "kind": "letter"},
    "document_partial_update": lambda world: {"visible_to_client": True},
    "document_batch_create": lambda world: {
        "application": world.ours.application.pk,
        "files": [makers.upload(), makers.upload(makers.picture(), "photo.png")],
    },
    "conversation_create": lambda world: {
        "kind": "application",
        "application": world.ours.application.pk,
        "members": [],
    },
    "conversation_update": lambda world: {"title": "Valuation"},
    "conversation_partial_update": lambda world: {"title": "Valuation"},
    "conversation_read": lambda world: {"number": 1},
    "conversation_mute": lambda world: {"is_muted": True},
    "chat_group_create": lambda world: {"title": "Deals"},
    "chat_group_update": lambda world: {"title": "Deals", "is_open": True},
    "chat_group_partial_update": lambda world: {"title": "Big deals"},
    "conversation_member_create": lambda world: {"user": known_to_all(world).pk},
    "conversation_member_update": lambda world: {"role": "admin"},
    "conversation_member_partial_update": lambda world: {"role": "admin"},
    "chat_group_member_create": lambda world: {"user": known_to_all(world).pk},
    "chat_group_member_update": lambda world: {"role": "admin"},
    "chat_group_member_partial_update": lambda world: {"role": "admin"},
    "message_create": lambda world: {"body": "On Tuesday."},
    "message_update": lambda world: {"body": "On Wednesday."},
    "message_partial_update": lambda world: {"body": "On Thursday."},
    "appointment_create": meetings.booking,
    "appointment_update": lambda world: {"title": "Second talk", "kind": "video"},
    "appointment_partial_update": lambda world: {"title": "Second talk"},
    "appointment_complete": lambda world: {"outcome": "They sign."},
    "appointment_cancel": lambda world: {"reason": "Ill."},
    "appointment_reschedule": meetings.another_time,
    "office_hours_create": lambda world: {"weekday": 1, "opens_at": "09:00", "closes_at": "12:00"},
    "office_hours_update": lambda world: {"weekday": 1, "opens_at": "09:00", "closes_at": "12:00"},
    "office_hours_partial_update": lambda world: {"closes_at": "12:30"},
    "interaction_create": lambda world: {
        "application": world.ours.application.pk,
        "kind": "call",
        "subject": "Payslips",
    },
    "interaction_update": lambda world: {"kind": "call", "subject": "Payslips"},
    "interaction_partial_update": lambda world: {"outcome": "Done."},
    "review_create": lambda world: {
        "application": meetings.settled_of(world.ours).pk,
        "rating": 5,
        "title": "Quick and clear",
    },
    "review_update": lambda world: {"rating": 3, "title": "Slow"},
    "review_partial_update": lambda world: {"rating": 3},
    "review_respond": lambda world: {"response": "Thank you."},
    "review_hide": lambda world: {"reason": "It names people."},
    "note_create": lambda world: {"application": world.ours.application.pk, "text": "Called."},
    "note_update": lambda world: {"text": "Called.", "visibility": "client"},
    "note_partial_update": lambda world: {"remind_date": "2030-01-01"},
    "note_comment_create": lambda world: {"text": "Done."},
    "application_note_create": lambda world: {"text": "Called."},
    "template_create": lambda world: {
        "letter_type": "approval",
        "format": "pdf",
        "name": "Ours",
        "source": "Hello",
    },
    "template_update": lambda world: {"name": "Ours", "is_active": True},
    "template_partial_update": lambda world: {"is_active": True},
    "letter_generate": lambda world: {"application": world.ours.application.pk},
    "document_signature_create": lambda world: {
        "signers": [{"name": "Olga Other", "email": "olga@example.org"}]
    },
    "sign_by_link_post": lambda world: {
        "token": signing.link_of(world.ours.application, world.ours.bd_user),
        "consent": True,
        "typed_name": "Uma Person",
    },
    "signature_request_sign": lambda world: {"consent": True, "typed_name": "Uma Person"},
    "signature_request_decline": lambda world: {"reason": "The rate is wrong."},
    "bdm_create": lambda world: {
        "user": UserFactory.create(role=Role.BD).pk,
        "branch": world.ours.branch.pk,
    },
    "bdm_update": lambda world: {"user": world.ours.bd_user.pk, "branch": world.ours.branch.pk},
    "bdm_partial_update": lambda world: {"job_title": "Lead"},
    "borrower_create": lambda world: PERSON,
    "borrower_company": lambda world: {"company_name": "Novak Pty Ltd", "abn": "51824753556"},
    "borrower_update": lambda world: {
        "first_name": world.ours.borrower.first_name,
        "last_name": world.ours.borrower.last_name,
        "phone": "+61412345678",
    },
    "borrower_partial_update": lambda world: {"phone": "+61412345678"},
    "branch_create": lambda world: BRANCH,
    "branch_update": lambda world: BRANCH,
    "branch_partial_update": lambda world: {"city": "Sydney"},
    "lead_create": lambda world: LEAD,
    "lead_update": lambda world: LEAD,
    "lead_partial_update": lambda world: {"urgency": "high"},
    "lead_set_status": lambda world: {"status": "contacted"},
    "lead_assign": lambda world: {"assignee": world.ours.bd_user.pk},
    "lead_score": lambda world: {},
    "lead_convert": lambda world: {"loan_amount": "300000.00", "loan_term": 240, "interest_rate": "5.9900"},
    "broker_create": lambda world: {
        **PERSON,
        "email": "nia@example.com",
        "branch": BranchFactory.create().pk,
    },
    "broker_update": lambda world: {
        **PERSON,
        "email": "nia@example.com",
        "branch": world.ours.branch.pk,
    },
    "broker_partial_update": lambda world: {"company_name": "Novak Broking"},
    "broker_commission_mark_paid": lambda world: {},
    "partnership_create": lambda world: {**PARTNER, "branch": world.ours.branch.pk},
    "partnership_update": lambda world: {**PARTNER, "branch": world.ours.branch.pk},
    "partnership_partial_update": lambda world: {"contact_name": "Nia Novak"},
    "partnership_change_status": lambda world: {"status": "paused"},
    "commission_pay": lambda world: {
        "commissions": [bodies.commission_of(world.admin, world.ours.application).pk]
    },
    "partner_commission_mark_paid": lambda world: {},
    "partnership_terms_create": lambda world: {
        "valid_from": (business_date() + timedelta(days=1)).isoformat(),
        "kind": "flat",
        "flat_amount": "500.00",
    },
    "commission_terms_create": lambda world: {"upfront_rate": "0.5000"},
    "commission_terms_update": lambda world: {"upfront_rate": "0.5000"},
    "commission_terms_partial_update": lambda world: {"trail_rate": "0.2000"},
    "fee_create": lambda world: {**FEE, "application": world.ours.application.pk},
    "fee_update": lambda world: FEE,
    "fee_partial_update": lambda world: {"amount": "12.00"},
    "fee_mark_paid": lambda world: {},
    "fee_waive": lambda world: {"reason": "Goodwill."},
    "application_fee_create": lambda world: FEE,
    "loan_settle": lambda world: bodies.settle(world),
    "loan_pay_out": lambda world: bodies.pay_out(world),
    "loan_extend_loan": lambda world: {"interest_rate": "5.0000"},
    "loan_write_off": lambda world: {"reason": "Bankrupt."},
    "payment_record_payment": lambda world: bodies.record_payment(world),
    "payment_reverse": lambda world: {"reason": "It bounced."},
    "payment_refund": lambda world: bodies.refund(world),
    "realtime_auth": lambda world: {
        "socket_id": "12.34",
        "channel_name": f"private-application-{world.ours.application.pk}",
    },
    "realtime_trigger": lambda world: {"name": "news", "channels": ["everybody"], "data": {}},
    "repayment_mark_paid": lambda world: {},
    "guarantor_create": lambda world: PERSON,
    "guarantor_update": lambda world: PERSON,
    "guarantor_partial_update": lambda world: {"phone": "+61412345678"},
    "notification_mark_read": lambda world: {},
    "saved_report_create": lambda world: SAVED_REPORT,
    "saved_report_update": lambda world: SAVED_REPORT,
    "saved_report_partial_update": lambda world: {"name": "Stages"},
    "report_schedule_create": schedule,
    "report_schedule_update": lambda world: {"recurrence": "weekly", "weekday": 1, "at": "07:30"},
    "report_schedule_partial_update": lambda world: {"is_paused": True},
    "reminder_create": reminder,
    "reminder_update": reminder,
    "reminder_partial_update": lambda world: {"subject": "Payslips, please"},
    "alert_create": lambda world: ALERT,
    "alert_update": lambda world: ALERT,
    "alert_partial_update": lambda world: {"priority": "low"},
    "alert_resolve": lambda world: {"resolution": "Called them."},
    "product_create": lambda world: PRODUCT,
    "product_update": lambda world: PRODUCT,
    "product_partial_update": lambda world: {"max_loan_term": 360},
    "signature_create": lambda world: {"signature": base64_of(drawing()), "name": "Bea Borrower"},
    "security_create": lambda world: SECURITY,
    "security_update": lambda world: SECURITY,
    "security_partial_update": lambda world: {"value": "1.00"},
    "team_member_create": lambda world: {
        **PERSON,
        "email": "nia@example.com",
        "password": PASSWORD,
        "branch": world.ours.branch.pk,
    },
    "team_member_update": lambda world: {
        **PERSON,
        "email": "nia@example.com",
        "branch": world.ours.branch.pk,
    },
    "team_member_partial_update": lambda world: {"job_title": "Lead"},
    "user_create": lambda world: {
        **PERSON,
        "email": "nia@example.com",
        "role": "broker",
        "password": PASSWORD,
    },
    "user_update": lambda world: {**PERSON, "email": "nia@example.com", "role": "client"},
    "user_partial_update": lambda world: {"first_name": "Nia"},
}
