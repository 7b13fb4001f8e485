"""Makers of rows, and a small world of them."""

import hashlib
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import factory
from django.utils import timezone

from applications.models import Application, ApplicationBorrower, Product, Security, Signature
from applications.services.signatures import terms_of
from borrowers.models import Asset, Borrower, Guarantor, Liability
from brokers.models import Bdm, Branch, Broker, Partnership
from documents.models import LetterTemplate, Note, NoteComment
from engagement import scoring
from engagement.models import Lead
from jobs.models import Job
from notifications.models import Alert, OutgoingMail, Reminder
from reports.models import ReportFile, ReportSchedule, SavedReport
from servicing.models import CommissionTerms, PartnershipTerms
from tests.clients import PASSWORD
from tests.drawings import DRAWN, drawing
from users.choices import AccountStatus, Role
from users.models import ApiKey, User


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    first_name = "Uma"
    last_name = factory.Sequence(lambda n: f"Person{n}")
    role = Role.CLIENT
    status = AccountStatus.ACTIVE

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key that nobody holds; `users.services.api_keys` makes one that works."""

    class Meta:
        model = ApiKey

    user = factory.SubFactory(UserFactory)
    name = "Website"
    prefix = factory.Sequence(lambda n: f"{n:012}")
    secret_hash = "0" * 64
    scopes = ("read",)


class BranchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Branch

    name = factory.Sequence(lambda n: f"Branch {n}")
    code = factory.Sequence(lambda n: f"B{n}")
    state = "NSW"


class BdmFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Bdm

    user = factory.SubFactory(UserFactory, role=Role.BD)
    branch = factory.SubFactory(BranchFactory)


class BrokerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Broker

    user = factory.SubFactory(UserFactory, role=Role.BROKER)
    branch = factory.SubFactory(BranchFactory)
    first_name = factory.SelfAttribute("user.first_name")
    last_name = factory.SelfAttribute("user.last_name")
    email = factory.SelfAttribute("user.email")


class PartnershipFactory(factory.django.DjangoModelFactory):
    """An active partnership, which takes referrals."""

    class Meta:
        model = Partnership

    kind = "accountant"
    organisation = factory.Sequence(lambda n: f"Ledger and Sons {n}")
    contact_name = "Ada Ledger"
    email = factory.Sequence(lambda n: f"partner{n}@example.com")
    branch = factory.SubFactory(BranchFactory)
    status = "active"
    agreement_start = date(2026, 1, 1)


class BorrowerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Borrower

    first_name = "Bea"
    last_name = factory.Sequence(lambda n: f"Borrower{n}")
    email = factory.Sequence(lambda n: f"borrower{n}@example.com")


class GuarantorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Guarantor

    first_name = "Gus"
    last_name = factory.Sequence(lambda n: f"Guarantor{n}")


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    name = factory.Sequence(lambda n: f"Product {n}")
    code = factory.Sequence(lambda n: f"P-{n}")


class CommissionTermsFactory(factory.django.DjangoModelFactory):
    """0.65 % upfront and 0.15 % a year, a fifth of it for the branch; pro rata clawback within 18 months."""

    class Meta:
        model = CommissionTerms
        django_get_or_create = ("broker", "product")

    broker = None
    product = None
    upfront_rate = Decimal("0.6500")
    trail_rate = Decimal("0.1500")
    branch_share = Decimal("20.0000")
    clawback_months = 18


class PartnershipTermsFactory(factory.django.DjangoModelFactory):
    """Half a percent of the amount lent, clawed back pro rata within a year."""

    class Meta:
        model = PartnershipTerms
        django_get_or_create = ("partnership", "valid_from")

    partnership = factory.SubFactory(PartnershipFactory)
    valid_from = date(2024, 7, 1)
    kind = "percentage"
    rate = factory.LazyAttribute(lambda row: Decimal("0.5000") if row.kind == "percentage" else None)
    clawback_months = 12


class AssetFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Asset

    asset_type = "savings"
    value = Decimal("25000.00")


class LiabilityFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Liability

    liability_type = "car_loan"
    balance = Decimal("12000.00")
    monthly_repayment = Decimal("300.00")


class ApplicationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Application

    loan_amount = Decimal("450000.00")
    loan_term = 360
    interest_rate = Decimal("6.2500")
    stage_entered_at = factory.LazyFunction(timezone.now)


class SecurityFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Security

    security_type = "first_mortgage"
    value = Decimal("600000.00")


class SignatureFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Signature

    name = "Bea Borrower"
    signature_date = date(2026, 1, 5)
    image = factory.LazyFunction(drawing)
    width, height = DRAWN
    sha256 = factory.LazyAttribute(lambda row: hashlib.sha256(row.image).hexdigest())
    terms = factory.LazyAttribute(lambda row: terms_of(row.application))


class JobFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Job

    kind = "applications.bulk_import"
    created_by = factory.SubFactory(UserFactory)
    created_at = factory.LazyFunction(timezone.now)
    enqueued_at = factory.SelfAttribute("created_at")


class LetterTemplateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = LetterTemplate

    letter_type = "indicative"
    format = "pdf"
    version = factory.Sequence(lambda n: n + 1)
    name = "Ours"
    source = b"Hello"
    size = 5
    sha256 = hashlib.sha256(b"Hello").hexdigest()
    created_by = factory.SubFactory(UserFactory, role=Role.ADMIN)


class NoteCommentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = NoteComment

    text = "Done."


class NoteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Note

    text = "Spoke with the borrower."


class ReminderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Reminder

    recipient_type = "custom"
    recipient_email = "olga@example.org"
    subject = "Payslips"
    body = "Please send your last two payslips."
    send_datetime = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))
    created_by = factory.SubFactory(UserFactory, role=Role.BD)


class SavedReportFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SavedReport

    owner = factory.SubFactory(UserFactory, role=Role.BD)
    name = factory.Sequence(lambda n: f"By stage {n}")
    source = "applications"
    definition = factory.LazyFunction(
        lambda: {"source": "applications", "dimensions": ["stage"], "measures": ["count"]}
    )


class ReportScheduleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ReportSchedule
        skip_postgeneration_save = True

    report = factory.SubFactory(SavedReportFactory)
    created_by = factory.SelfAttribute("report.owner")
    recurrence = "daily"
    at = time(7)
    timezone = "Australia/Sydney"
    format = "csv"
    next_run_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))

    @factory.post_generation
    def recipients(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.recipients.set([self.created_by] if extracted is None else extracted)


class ReportFileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ReportFile

    user = factory.SubFactory(UserFactory, role=Role.BD)
    title = "By stage"
    format = "csv"
    status = "ready"
    content = b"stage,count\r\n"
    size = 13
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=30))


class AlertFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Alert

    title = "The valuer does not answer"
    priority = "high"
    last_seen_at = factory.LazyFunction(timezone.now)
    created_by = factory.SubFactory(UserFactory, role=Role.BD)


class OutgoingMailFactory(factory.django.DjangoModelFactory):
    """A reminder's mail, so that it needs no event."""

    class Meta:
        model = OutgoingMail

    kind = "reminder"
    reminder = factory.SubFactory(ReminderFactory, created_by=factory.SelfAttribute("..user"))
    user = factory.SubFactory(UserFactory)


class LeadFactory(factory.django.DjangoModelFactory):
    """Somebody who asked for a loan."""

    class Meta:
        model = Lead

    first_name = "Ada"
    last_name = factory.Sequence(lambda n: f"Lead{n}")
    email = factory.Sequence(lambda n: f"lead{n}@example.com")
    score_breakdown = factory.LazyFunction(lambda: scoring.score(scoring.Facts())[1])
    status_changed_at = factory.LazyFunction(timezone.now)
    last_submitted_at = factory.LazyFunction(timezone.now)


class Side:
    """One branch with its BDM, a broker, a client with a profile, and an application of all of them."""

    def __init__(self) -> None:
        self.branch = BranchFactory.create()
        self.bdm = BdmFactory.create(branch=self.branch)
        self.broker = BrokerFactory.create(branch=self.branch)
        self.bd_user: User = self.bdm.user
        self.broker_user: User = self.broker.user
        self.client_user: User = UserFactory.create()
        self.borrower = BorrowerFactory.create(user=self.client_user, created_by=self.broker_user)
        self.guarantor = GuarantorFactory.create(borrower=self.borrower, created_by=self.broker_user)
        self.asset = AssetFactory.create(borrower=self.borrower)
        self.liability = LiabilityFactory.create(borrower=self.borrower)
        self.partnership = PartnershipFactory.create(branch=self.branch, owner=self.bdm)
        self.application = ApplicationFactory.create(
            broker=self.broker,
            bd=self.bdm,
            branch=self.branch,
            referral_partner=self.partnership,
            created_by=self.broker_user,
        )
        ApplicationBorrower.objects.create(application=self.application, borrower=self.borrower)
        self.security = SecurityFactory.create(application=self.application)
        self.signature = SignatureFactory.create(application=self.application, signed_by=self.client_user)
        self.lead = LeadFactory.create(
            assignee=self.broker_user, branch=self.branch, created_by=self.broker_user
        )
        self.note = NoteFactory.create(
            application=self.application, author=self.broker_user, visibility="client"
        )

    @property
    def users(self) -> dict[str, User]:
        """By role."""
        return {Role.BD: self.bd_user, Role.BROKER: self.broker_user, Role.CLIENT: self.client_user}


class World:
    """An administrator, and two sides that must not see each other: `ours` and `theirs`."""

    def __init__(self) -> None:
        self.admin: User = UserFactory.create(role=Role.ADMIN)
        self.product = ProductFactory.create()
        self.retired_product = ProductFactory.create(is_active=False)
        self.ours = Side()
        self.theirs = Side()

    def user(self, role: str) -> User:
        """Our user of a role."""
        return self.admin if role == Role.ADMIN else self.ours.users[role]
