"""A book of a few hundred rows in several branches, with everything that could leak across them."""

import random
from typing import Any

from django.db import connection
from django.utils import timezone

from applications.models import Application, ApplicationBorrower, ApplicationGuarantor
from documents.choices import NoteVisibility
from reports.choices import SharedWith
from tests.clients import ApiClient
from tests.documents import makers, signing
from tests.engagement.meetings import fill_meetings
from tests.factories import (
    AlertFactory,
    ApiKeyFactory,
    ApplicationFactory,
    BdmFactory,
    BorrowerFactory,
    BrokerFactory,
    CommissionTermsFactory,
    GuarantorFactory,
    JobFactory,
    LeadFactory,
    LetterTemplateFactory,
    NoteCommentFactory,
    NoteFactory,
    OutgoingMailFactory,
    PartnershipFactory,
    PartnershipTermsFactory,
    ProductFactory,
    ReminderFactory,
    ReportFileFactory,
    ReportScheduleFactory,
    SavedReportFactory,
    SecurityFactory,
    Side,
    UserFactory,
    World,
)
from tests.integration.addresses import notification_of, read
from tests.messaging import chats
from tests.proof.oracle import Oracle
from tests.servicing.kit import fee_of, loan_of, payment_of

SIDES = 5
APPLICATIONS = 60
PARTIES = 60


class Book:
    """`world.ours` and `world.theirs` among others; brokers, BDMs and applications also between them."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.world = World()
        self.sides = [self.world.ours, self.world.theirs, *(Side() for _ in range(SIDES - 2))]
        self.bdms = [side.bdm for side in self.sides]
        self.brokers = [side.broker for side in self.sides]
        for side in self.sides:
            self.bdms += [
                BdmFactory.create(branch=side.branch),
                BdmFactory.create(branch=side.branch, is_active=False),
            ]
            PartnershipFactory.create_batch(2, branch=side.branch, owner=side.bdm)
            PartnershipTermsFactory.create(partnership=side.partnership)
            self.brokers += BrokerFactory.create_batch(2, branch=side.branch)
        self.branches = [side.branch for side in self.sides]
        self.branches[-1].is_active = False
        self.branches[-1].save()
        self.products = [*ProductFactory.create_batch(2), ProductFactory.create(is_active=False)]
        self.loans: list[Any] = []
        CommissionTermsFactory.create()
        for side in self.sides:
            fee_of(self.world.admin, side.application)
            LeadFactory.create(assignee=side.bd_user, branch=side.branch)
            LeadFactory.create(branch=side.branch)
            NoteCommentFactory.create(note=side.note, author=self.world.admin)
            LetterTemplateFactory.create(created_by=self.world.admin)
            fill_meetings(side, self.world.admin)
            chats.chat_about(side, side.bd_user, self.world.admin)
            chats.group_of(side, side.bd_user, self.world.admin, is_open=side is self.sides[-1])
            for is_shown, signer in ((True, side.bd_user), (False, side.client_user)):
                document = makers.document_of(side.application, self.world.admin, visible_to_client=is_shown)
                signing.request_of(read(document), self.world.admin, signer)
        self._parties()
        for _ in range(APPLICATIONS):
            self._application()
        self.users = [
            self.world.admin,
            *(bdm.user for bdm in self.bdms),
            *(broker.user for broker in self.brokers),
        ]
        self.users += self.clients_users
        for user in self.users:
            notification_of(user)
            JobFactory.create(created_by=user, status="succeeded", finished_at=timezone.now())
            ApiKeyFactory.create(user=user)
            ReminderFactory.create(created_by=user)
            self._report(user)
            AlertFactory.create(created_by=user, assigned_to=self.random.choice([*self.users, None]))
            OutgoingMailFactory.create(user=user)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as autovacuum would soon; without it plans are those of empty tables
        self.api = {user.pk: ApiClient(user) for user in self.users}
        self.oracle = Oracle()

    def _report(self, user: Any) -> None:
        """A saved report, shared in one of the ways, with a schedule and a file of it."""
        shared = self.random.choice(SharedWith.values)
        branch = self.random.choice(self.branches) if shared == SharedWith.BRANCH else None
        report = SavedReportFactory.create(owner=user, shared_with=shared, branch=branch)
        schedule = ReportScheduleFactory.create(report=report)
        ReportFileFactory.create(user=user, schedule=schedule, due_at=timezone.now())

    def _parties(self) -> None:
        staff = [*(bdm.user for bdm in self.bdms), *(broker.user for broker in self.brokers), None]
        self.clients_users = [*(side.client_user for side in self.sides), *UserFactory.create_batch(6)]
        self.borrowers = [side.borrower for side in self.sides]
        for number in range(PARTIES):
            user = self.random.choice(self.clients_users) if number % 4 == 0 else None
            self.borrowers.append(BorrowerFactory.create(created_by=self.random.choice(staff), user=user))
        self.guarantors = [
            GuarantorFactory.create(
                created_by=self.random.choice(staff), borrower=self.random.choice([*self.borrowers, None])
            )
            for _ in range(PARTIES)
        ]

    def _application(self) -> None:
        application: Application = ApplicationFactory.create(
            broker=self.random.choice([*self.brokers, None]),
            bd=self.random.choice([*self.bdms, None, None]),
            branch=self.random.choice([*self.branches, None]),
            product=self.random.choice([*self.products, None]),
            purpose=f"purpose {self.random.randrange(10**6)}",
        )
        for borrower in self.random.sample(self.borrowers, self.random.randrange(3)):
            ApplicationBorrower.objects.create(application=application, borrower=borrower)
        for guarantor in self.random.sample(self.guarantors, self.random.randrange(3)):
            ApplicationGuarantor.objects.create(application=application, guarantor=guarantor)
        SecurityFactory.create_batch(self.random.randrange(3), application=application)
        for visibility in NoteVisibility.values:
            NoteFactory.create(application=application, author=self.world.admin, visibility=visibility)
        if not self.loans or self.random.random() < 0.2:
            Application.objects.filter(pk=application.pk).update(
                referral_partner=self.sides[len(self.loans) % SIDES].partnership
            )
            loan = loan_of(self.world.admin, application)
            payment_of(self.world.admin, loan.application)
            fee_of(self.world.admin, loan.application)
            self.loans.append(loan)

    def some_id(self, model: type[Any]) -> Any:
        """The key of any row, or of none."""
        keys = sorted(self.oracle.rows(model), key=str)
        return self.random.choice(keys) if keys and self.random.random() < 0.97 else 2**31 - 1
