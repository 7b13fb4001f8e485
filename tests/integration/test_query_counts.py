"""How many queries every list and detail takes: exactly, and the same for one row as for ten.

`tests/query_counts.json` is the committed table. After a deliberate change, write it anew with
`UPDATE_QUERY_COUNTS=1 pytest tests/integration/test_query_counts.py -p no:xdist` and look at the difference.
"""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import ApplicationBorrower, ApplicationGuarantor, FundingCalculation, StageChange
from documents.models import Batch, Document, LetterTemplate, SignatureRequest
from documents.services.documents import version_add
from engagement.models import Appointment, Interaction, OfficeHours, Review
from engagement.services.leads import lead_update
from events.dispatcher import dispatch_pending
from events.services import emit
from jobs.models import Job
from messaging.models import Conversation
from messaging.services.members import member_add
from notifications.models import Notification
from servicing.models import (
    Commission,
    CommissionTerms,
    Fee,
    PartnerCommission,
    PartnershipTerms,
    Payment,
    Repayment,
)
from tests.borrowers.merges import pair_with
from tests.documents import makers, signing
from tests.engagement import meetings
from tests.events.test_dispatcher import stage_changed
from tests.factories import (
    AlertFactory,
    ApiKeyFactory,
    ApplicationFactory,
    AssetFactory,
    BdmFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    CommissionTermsFactory,
    GuarantorFactory,
    JobFactory,
    LeadFactory,
    LetterTemplateFactory,
    LiabilityFactory,
    NoteCommentFactory,
    NoteFactory,
    OutgoingMailFactory,
    PartnershipFactory,
    ProductFactory,
    ReminderFactory,
    ReportFileFactory,
    ReportScheduleFactory,
    SecurityFactory,
    SignatureFactory,
    UserFactory,
)
from tests.integration.addresses import session_of
from tests.messaging import chats
from tests.servicing.kit import commission_of, fee_of, payment_of, tiered
from users.models import ApiKey

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).resolve().parent.parent / "query_counts.json"
ROLES = ("admin", "bd", "broker", "client")


class Book:
    """Our side of the world, with as many further rows in every list as asked for."""

    def __init__(self, world) -> None:
        self.world, self.ours = world, world.ours
        CommissionTermsFactory.create()

    def grow(self, rows: int) -> None:
        """Add rows to every list that our users see."""
        ours = self.ours
        for number in range(rows):
            BranchFactory.create()
            BdmFactory.create(branch=ours.branch)
            BrokerFactory.create(branch=ours.branch)
            PartnershipFactory.create(branch=ours.branch, owner=ours.bdm)
            UserFactory.create()
            for role in ROLES:
                JobFactory.create(created_by=self.world.user(role))
            ApiKeyFactory.create(user=UserFactory.create())
            for role in ROLES:
                session_of(self.world.user(role))
            borrower = BorrowerFactory.create(created_by=ours.broker_user, user=ours.client_user)
            LeadFactory.create(assignee=ours.broker_user, branch=ours.branch, score=80, temperature="hot")
            lead_update(lead=ours.lead, actor=ours.bd_user, purpose=f"House {rows}.{number}")
            pair_with(ours.borrower, ours.bd_user)
            AssetFactory.create(borrower=ours.borrower)
            LiabilityFactory.create(borrower=ours.borrower)
            guarantor = GuarantorFactory.create(borrower=ours.borrower, created_by=ours.broker_user)
            other = ApplicationFactory.create(
                broker=ours.broker,
                bd=ours.bdm,
                branch=ours.branch,
                product=self.world.product,
                referral_partner=ours.partnership,
            )
            ApplicationBorrower.objects.create(application=other, borrower=ours.borrower)
            ApplicationGuarantor.objects.create(application=other, guarantor=ours.guarantor)
            SecurityFactory.create(application=other)
            ApplicationBorrower.objects.create(application=ours.application, borrower=borrower)
            ApplicationGuarantor.objects.create(application=ours.application, guarantor=guarantor)
            SecurityFactory.create(application=ours.application)
            SignatureFactory.create(application=ours.application, signed_by=UserFactory.create())
            ProductFactory.create()
            NoteFactory.create(
                application=ours.application,
                author=UserFactory.create(role="bd"),
                assigned_to=UserFactory.create(role="bd"),
                visibility="client",
            )
            host = BdmFactory.create(branch=ours.branch).user
            meetings.appointment_of(ours.application, host)
            meetings.hours_of(host)
            meetings.hours_of(ours.broker_user)
            meetings.interaction_of(ours.application, host)
            meetings.review_of(ours)
            NoteCommentFactory.create(note=ours.note, author=UserFactory.create(role="bd"))
            LetterTemplateFactory.create()
            for role in ("admin", "bd", "broker"):
                user = self.world.user(role)
                ReminderFactory.create(created_by=user, send_as=UserFactory.create(role="bd"))
                ReportFileFactory.create(user=user)
                ReportScheduleFactory.create(
                    report__owner=user, recipients=UserFactory.create_batch(2, role="bd")
                )
                AlertFactory.create(assigned_to=user, acknowledged_by=UserFactory.create(role="bd"))
            OutgoingMailFactory.create()
            StageChange.objects.create(
                application=ours.application,
                to_stage="inquiry",
                changed_at=timezone.now(),
                actor=UserFactory.create(role="bd"),
            )
            FundingCalculation.objects.create(
                application=ours.application, input={}, result={}, calculated_by=self.world.admin
            )
            with transaction.atomic():
                emit(
                    stage_changed(),
                    actor=UserFactory.create(role="bd"),
                    subject=ours.application,
                    application_id=ours.application.pk,
                    recipients=[self.world.user(role) for role in ROLES],
                )
            asked = UserFactory.create(role="bd")
            document = makers.document_of(ours.application, asked, visible_to_client=True)
            signing.request_of(document, asked, UserFactory.create(), "olga@example.org")
            version_add(
                document=self.first_document(), actor=UserFactory.create(role="bd"), file=makers.kept()
            )
            # Nobody has more than ten unfinished.
            Job.objects.update(status="succeeded", finished_at=timezone.now())
            for role in ROLES:
                makers.batch_of(ours.application, self.world.user(role))
            CommissionTermsFactory.create(broker=BrokerFactory.create())
            begins = date(2024, 7, 1) + timedelta(days=ours.partnership.commission_terms.count())
            tiered(ours.partnership, "loan", ("0", "0.5"), ("100000", "0.6"), valid_from=begins)
            commission_of(self.world.admin, other)
            self.grow_chats()
            # By others, so that their names are looked up.
            fee_of(UserFactory.create(role="bd"), ours.application)
            payment_of(UserFactory.create(role="bd"), ours.application)
        dispatch_pending()

    def first_chat(self) -> Conversation:
        """A conversation of all of ours."""
        chat = Conversation.objects.filter(kind="application").first()
        return chat or chats.chat_about(self.ours, self.ours.bd_user, self.world.admin)

    def first_group(self) -> Conversation:
        """A group of our staff."""
        group = Conversation.objects.filter(kind="group").first()
        return group or chats.group_of(self.ours, self.ours.bd_user, self.world.admin)

    def grow_chats(self) -> None:
        """Add conversations, and messages and members to the first ones."""
        chats.chat_about(self.ours, self.ours.bd_user, self.world.admin)
        chats.group_of(self.ours, self.ours.bd_user, self.world.admin)
        document = makers.document_of(self.ours.application, self.ours.bd_user, visible_to_client=True)
        for one in (self.first_chat(), self.first_group()):
            staff = BdmFactory.create(branch=self.ours.branch).user
            member_add(conversation=one, actor=self.ours.bd_user, user=staff)
            chats.write(one, staff, "Here it is.", attachments=[document])

    def first_document(self) -> Document:
        """The document that grows versions."""
        return Document.objects.first() or makers.document_of(
            self.ours.application, self.ours.broker_user, visible_to_client=True
        )

    def first_template(self) -> int:
        """A template."""
        return LetterTemplate.objects.values_list("pk", flat=True).first() or 0

    def first_request(self) -> int:
        """A request for signatures."""
        return SignatureRequest.objects.values_list("pk", flat=True).first() or 0

    def first_batch(self) -> Batch:
        """A batch that a client sees too."""
        Job.objects.update(status="succeeded", finished_at=timezone.now())
        mine = Batch.objects.filter(created_by=self.ours.client_user)
        return mine.first() or makers.batch_of(self.ours.application, self.ours.client_user)

    def addresses(self) -> dict[str, str]:
        """Every list and detail, by a name that does not change with ids."""
        ours = self.ours
        application = f"/api/applications/{ours.application.pk}/"
        chat = f"/api/chat/conversations/{self.first_chat().pk}/"
        group = f"/api/chat/groups/{self.first_group().pk}/"
        commissions = f"/api/brokers/{ours.broker.pk}/commissions/"
        partner = f"/api/partnerships/{ours.partnership.pk}/"
        notification = Notification.objects.filter(user=self.world.admin).first()
        event = self.first_event()
        key = ApiKey.objects.first()
        return {
            "application-list": "/api/applications/",
            "application-list by cursor": "/api/applications/?cursor=",
            "application-detail": application,
            "application-new": "/api/applications/new/",
            "application-pipeline": "/api/applications/pipeline/",
            "product-list": "/api/products/",
            "product-detail": f"/api/products/{self.world.product.pk}/",
            "signature-list": f"{application}signature/",
            "signature-detail": f"{application}signature/{ours.signature.pk}/",
            "application-borrowers": f"{application}borrowers/",
            "application-guarantors": f"{application}guarantors/",
            "application-stage-history": f"{application}stage-history/",
            "application-timeline": f"{application}timeline/",
            "application-funding-calculation-history": f"{application}funding-calculation-history/",
            "application-notes": f"{application}notes/",
            "conversation-list": "/api/chat/conversations/",
            "conversation-detail": chat,
            "conversation-member-list": f"{chat}members/",
            "conversation-member-detail": f"{chat}members/{self.first_chat().members.first().pk}/",
            "message-list": f"{chat}messages/",
            "message-detail": f"{chat}messages/{self.first_chat().messages.first().pk}/",
            "message-search": "/api/chat/search/?search=valuer",
            "conversation-status": "/api/chat/status/",
            "contact-list": "/api/chat/contacts/",
            "chat-group-list": "/api/chat/groups/",
            "chat-group-detail": group,
            "chat-group-member-list": f"{group}members/",
            "chat-group-member-detail": f"{group}members/{self.first_group().members.first().pk}/",
            "appointment-list": "/api/appointments/",
            "appointment-detail": f"/api/appointments/{Appointment.objects.first().pk}/",
            "appointment-calendar-link": "/api/appointments/calendar-link/",
            "office-hours-list": "/api/office-hours/",
            "office-hours-detail": f"/api/office-hours/{OfficeHours.objects.first().pk}/",
            "interaction-list": "/api/interactions/",
            "interaction-detail": f"/api/interactions/{Interaction.objects.first().pk}/",
            "review-list": "/api/reviews/",
            "review-detail": f"/api/reviews/{Review.objects.first().pk}/",
            "review-summary": "/api/reviews/summary/",
            "note-list": "/api/documents/notes/",
            "note-detail": f"/api/documents/notes/{ours.note.pk}/",
            "note-comments": f"/api/documents/notes/{ours.note.pk}/comments/",
            "template-list": "/api/templates/",
            "template-detail": f"/api/templates/{self.first_template()}/",
            "letter-types": "/api/templates/types/",
            "signature-request-list": "/api/documents/signature-requests/",
            "signature-request-detail": f"/api/documents/signature-requests/{self.first_request()}/",
            "application-documents": f"{application}documents/",
            "document-list": "/api/documents/documents/",
            "document-list by words": "/api/documents/documents/?search=offer",
            "document-detail": f"/api/documents/documents/{self.first_document().pk}/",
            "document-versions": f"/api/documents/documents/{self.first_document().pk}/versions/",
            "document-download": f"/api/documents/documents/{self.first_document().pk}/download/",
            "document-batch-list": "/api/documents/batches/",
            "document-batch-detail": f"/api/documents/batches/{self.first_batch().pk}/",
            "application-fees": f"{application}fees/",
            "application-repayments": f"{application}repayments/",
            "application-payments": f"{application}payments/",
            "application-payments-detail": f"{application}payments/{self.first(Payment)}/",
            # It grows by three rows for each of the others: more than a page has.
            "application-ledger": f"{application}ledger/?limit=100",
            "application-statement": f"{application}statement/",
            "application-schedule": f"{application}schedule/",
            "application-payoff": f"{application}payoff/?days=10",
            "fee-list": "/api/documents/fees/",
            "fee-detail": f"/api/documents/fees/{self.first(Fee)}/",
            "repayment-list": "/api/documents/repayments/",
            "repayment-detail": f"/api/documents/repayments/{self.first(Repayment)}/",
            "security-list": f"{application}securities/",
            "security-detail": f"{application}securities/{ours.security.pk}/",
            "customer-list": "/api/customers/",
            "customer-detail": f"/api/customers/{ours.borrower.pk}/",
            "duplicate-pair-list": "/api/borrowers/duplicates/pairs/",
            "borrower-list": "/api/borrowers/",
            "borrower-detail": f"/api/borrowers/{ours.borrower.pk}/",
            "borrower-guarantors": f"/api/borrowers/{ours.borrower.pk}/guarantors/",
            "borrower-applications": f"/api/borrowers/{ours.borrower.pk}/applications/",
            "borrower-timeline": f"/api/borrowers/{ours.borrower.pk}/timeline/",
            "borrower-financial-summary": f"/api/borrowers/{ours.borrower.pk}/financial-summary/",
            "borrower-duplicates": f"/api/borrowers/duplicates/?email={ours.borrower.email}",
            "asset-list": f"/api/borrowers/{ours.borrower.pk}/assets/",
            "asset-detail": f"/api/borrowers/{ours.borrower.pk}/assets/{ours.asset.pk}/",
            "liability-list": f"/api/borrowers/{ours.borrower.pk}/liabilities/",
            "liability-detail": f"/api/borrowers/{ours.borrower.pk}/liabilities/{ours.liability.pk}/",
            "guarantor-list": "/api/guarantors/",
            "guarantor-detail": f"/api/guarantors/{ours.guarantor.pk}/",
            "guarantor-guaranteed-applications": (
                f"/api/guarantors/{ours.guarantor.pk}/guaranteed-applications/"
            ),
            "broker-list": "/api/brokers/",
            "broker-detail": f"/api/brokers/{ours.broker.pk}/",
            "broker-applications": f"/api/brokers/{ours.broker.pk}/applications/",
            "broker-stats": f"/api/brokers/{ours.broker.pk}/stats/",
            "partnership-list": "/api/partnerships/",
            "partnership-detail": f"/api/partnerships/{ours.partnership.pk}/",
            "partnership-referrals": f"/api/partnerships/{ours.partnership.pk}/referrals/",
            "partnership-terms-list": f"{partner}terms/",
            "partnership-terms-detail": f"{partner}terms/{self.first_of_partner(PartnershipTerms)}/",
            "partnership-commission-summary": f"{partner}commission-summary/",
            "partner-commission-list": f"{partner}commissions/",
            "partner-commission-detail": (
                f"{partner}commissions/{self.first_of_partner(PartnerCommission)}/"
            ),
            "commission-list": "/api/commissions/",
            "commission-detail": f"/api/commissions/{self.first_commission()}/",
            "broker-commission-list": commissions,
            "broker-commission-detail": f"{commissions}{self.first_commission()}/",
            "broker-commission-summary": f"/api/brokers/{ours.broker.pk}/commission-summary/",
            "commission-terms-list": "/api/commission-terms/",
            "commission-terms-detail": f"/api/commission-terms/{self.first_terms()}/",
            "branch-list": "/api/brokers/branches/",
            "branch-detail": f"/api/brokers/branches/{ours.branch.pk}/",
            "branch-brokers": f"/api/brokers/branches/{ours.branch.pk}/brokers/",
            "branch-bdms": f"/api/brokers/branches/{ours.branch.pk}/bdms/",
            "branch-team": f"/api/brokers/branches/{ours.branch.pk}/team/",
            "bdm-list": "/api/brokers/bdms/",
            "bdm-detail": f"/api/brokers/bdms/{ours.bdm.pk}/",
            "bdm-applications": f"/api/brokers/bdms/{ours.bdm.pk}/applications/",
            "bdm-portfolio": f"/api/brokers/bdms/{ours.bdm.pk}/portfolio/",
            "team-member-list": "/api/users/team/members/",
            "team-member-workload": f"/api/users/team/members/{ours.bd_user.pk}/workload/",
            "team-member-performance": f"/api/users/team/members/{ours.bd_user.pk}/performance/",
            "team-member-detail": f"/api/users/team/members/{ours.bd_user.pk}/",
            "user-list": "/api/users/users/",
            "user-detail": f"/api/users/users/{self.world.admin.pk}/",
            "user-me": "/api/users/users/me/",
            "user-session-list": f"/api/users/users/{self.ours.client_user.pk}/sessions/",
            "session-list": "/api/users/auth/sessions/",
            "api-key-list": "/api/users/api-keys/",
            "api-key-detail": f"/api/users/api-keys/{key.pk if key else 0}/",
            "profile": "/api/users/auth/profile/",
            "notification-list": "/api/users/notifications/",
            "notification-detail": f"/api/users/notifications/{notification.pk if notification else 0}/",
            "notification-unread-count": "/api/users/notifications/unread-count/",
            "notification-preferences": "/api/users/notification-preferences/",
            "presence": "/api/users/presence/",
            "job-list": "/api/jobs/",
            "job-detail": f"/api/jobs/{self.first_job()}/",
            "auditlog-list": "/api/audit-logs/",
            "auditlog-detail": f"/api/audit-logs/{event}/",
            "event-types": "/api/events/types/",
        }

    def first(self, model) -> int:
        """A row on our application."""
        found = model.objects.filter(application=self.ours.application).values_list("pk", flat=True).first()
        return found or 0

    def first_commission(self) -> int:
        """One of our broker."""
        return Commission.objects.filter(broker=self.ours.broker).values_list("pk", flat=True).first() or 0

    def first_of_partner(self, model) -> int:
        """A row of our partner."""
        of_partner = model.objects.filter(partnership=self.ours.partnership)
        return of_partner.values_list("pk", flat=True).first() or 0

    def first_terms(self) -> int:
        """Those of a broker."""
        return CommissionTerms.objects.exclude(broker=None).values_list("pk", flat=True).first() or 0

    def first_job(self) -> int:
        """One of the client's, which the administrator sees as well."""
        return Job.objects.filter(created_by=self.ours.client_user).values_list("pk", flat=True)[0]

    def first_event(self) -> int:
        """Some event."""
        found = Notification.objects.values_list("event_id", flat=True).first()
        return found or 0


def measure(book, client) -> dict[str, int]:
    """Queries of each address that answers this caller, whose login is known, with 200.

    Pages of lists are as long as there are rows: one that is not full shows the end, and nothing is counted.
    """
    counts = {}
    assert client.get("/api/users/auth/profile/").status_code == 200
    for name, address in book.addresses().items():
        full = {"limit": client.get(address).json().get("count") or 1} if name.endswith("-list") else {}
        with CaptureQueriesContext(connection) as queries:
            reply = client.get(address, full)
        if reply.status_code == 200:
            counts[name] = len(queries)
    return counts


@pytest.mark.parametrize("role", ROLES)
def test_every_list_and_detail_takes_its_number_of_queries_whatever_the_rows(world, api, role):
    book, client = Book(world), api(world.user(role))
    book.grow(1)
    few = measure(book, client)
    book.grow(9)
    many = measure(book, client)
    assert many == few, "the number of queries grows with the rows"
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        TABLE.write_text(json.dumps({**table, role: few}, indent=2, sort_keys=True) + "\n")
    else:
        assert few == table[role]
