"""Borrowers with the figures of their loans, and what there is around one of them.

All of it is of applications that the reader sees: a borrower's loans through somebody else add to no figure.
A loan of two borrowers counts in full for each. Amounts are AUD, moments UTC, days the lender's own.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypedDict

from django.db.models import (
    Count,
    DecimalField,
    Exists,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, Greatest, Least, Now

from applications.choices import Stage
from applications.models import Application
from applications.selectors.portfolios import LENT, STILL_OPEN
from borrowers.models import Borrower, Guarantor
from brokers.models import Bdm, Broker
from engagement.choices import AppointmentStatus
from engagement.models import Appointment, Interaction, Lead, Review
from engagement.models.appointments import ALONE
from messaging.models import Conversation
from messaging.selectors import seen_by, with_latest
from servicing.choices import OWED, Account, LoanStatus

# What a customer brought, by accounts of the ledger, in which income is a credit and so negative.
VALUED = (
    Account.INTEREST_INCOME,
    Account.FEE_INCOME,
    Account.PENALTY_INCOME,
    Account.WRITE_OFF,
    Account.COMMISSION_EXPENSE,
)
DEFINITIONS = {
    "open_applications": "Visible applications before settlement, those that wait for more information too.",
    "open_loans": "Visible loans that are settled, and neither paid out nor written off.",
    "closed_loans": "Visible loans that were paid out, closed or written off.",
    "total_lent": (
        "AUD; the approved amounts of open and closed loans, the loan amount where none was recorded."
    ),
    "balance": (
        "AUD; what is owed on visible loans now, by the ledger: principal, and interest, fees and penalties "
        "that have fallen due, less money that is held."
    ),
    "lifetime_value": (
        "AUD; what visible loans have brought the lender since they began, by the ledger: interest, fee and "
        "penalty income that was recognised, less what was written off and less commissions. It is before "
        "the cost of funds. Null for brokers."
    ),
    "days_past_due": "Of the visible loan that is latest, by the lender's day; 0: nothing is overdue.",
    "last_interaction_at": (
        "The latest interaction with the borrower, on a visible application, or on a visible lead that "
        "became this borrower."
    ),
    "next_appointment_at": "The next scheduled appointment that the caller sees, on any of these.",
}
# How many of each kind a detail names; their own lists have the others.
MOST_LOANS, LATEST = 50, 10
_ZERO = Value(Decimal("0.00"), DecimalField(max_digits=20, decimal_places=2))
_LINK = "borrower_links__borrower"
# What was written off stays settled; what was lent before there was a ledger has no more than a stage.
OPEN_LOAN = Q(stage=Stage.SETTLED) & (Q(loan=None) | Q(loan__status=LoanStatus.ACTIVE))
CLOSED_LOAN = Q(stage=Stage.CLOSED) | Q(
    stage=Stage.SETTLED, loan__status__in=(LoanStatus.CLOSED, LoanStatus.WRITTEN_OFF)
)
_TO_COME = Q(appointments__status=AppointmentStatus.SCHEDULED, appointments__starts_at__gte=Now())


# --- figures ----------------------------------------------------------------------------------------


def with_figures(borrowers: QuerySet[Any], *, reader: Any) -> QuerySet[Any]:
    """Borrowers with the figures of `DEFINITIONS`: subqueries that indexes answer for each row shown."""
    on = Application.objects.visible_to(reader).filter(**{_LINK: OuterRef("pk")})
    loans = on.filter(loan__status=LoanStatus.ACTIVE)
    return borrowers.annotate(
        open_applications=Coalesce(_grouped(on.filter(stage__in=STILL_OPEN), Count("pk")), 0),
        open_loans=Coalesce(_grouped(on.filter(OPEN_LOAN), Count("pk")), 0),
        closed_loans=Coalesce(_grouped(on.filter(CLOSED_LOAN), Count("pk")), 0),
        total_lent=Coalesce(
            _grouped(on.filter(stage__in=LENT), Sum(Coalesce("approved_amount", "loan_amount"))), _ZERO
        ),
        balance=_in_accounts(on, OWED),
        lifetime_value=_ZERO - _in_accounts(on, VALUED),
        oldest_due=_grouped(loans, Min("loan__oldest_due")),
        last_interaction_at=Greatest(
            _grouped(Interaction.objects.filter(borrower=OuterRef("pk")), Max("occurred_at"), "borrower"),
            _grouped(on, Max("interactions__occurred_at")),
            _grouped(_leads(reader), Max("interactions__occurred_at"), "borrower"),
        ),
        next_appointment_at=Least(
            _grouped(_with_borrower(reader), Min("starts_at"), "borrower"),
            _grouped(on.filter(_TO_COME), Min("appointments__starts_at")),
            _grouped(_leads(reader).filter(_TO_COME), Min("appointments__starts_at"), "borrower"),
        ),
    )


def with_open_loan(reader: Any) -> QuerySet[Any]:
    """Ids of the borrowers of visible loans that are open."""
    return _borrowers_of(Application.objects.visible_to(reader).filter(OPEN_LOAN))


def in_arrears(reader: Any) -> QuerySet[Any]:
    """Ids of the borrowers of visible loans on which something is overdue."""
    late = Q(loan__status=LoanStatus.ACTIVE, loan__oldest_due__isnull=False)
    return _borrowers_of(Application.objects.visible_to(reader).filter(late))


def _borrowers_of(applications: QuerySet[Any]) -> QuerySet[Any]:
    # Without the null of an application that nobody is on: nothing is `NOT IN` that.
    return applications.filter(**{f"{_LINK}__isnull": False}).order_by().values(_LINK)


def owing(reader: Any, amount: Any) -> QuerySet[Any]:
    """Ids of the borrowers who owe at least so much on visible loans."""
    rows = Application.objects.visible_to(reader).filter(account_balances__account__in=OWED).order_by()
    owed = rows.values(_LINK).annotate(owed=Sum("account_balances__balance"))
    return owed.filter(owed__gte=amount).values(_LINK)


def _grouped(rows: QuerySet[Any], figure: Any, by: str = _LINK) -> Subquery:
    """One figure of a correlated set of rows; null of none."""
    return Subquery(rows.order_by().values(by).annotate(figure=figure).values("figure"))


def _in_accounts(applications: QuerySet[Any], accounts: tuple[str, ...]) -> Coalesce:
    rows = applications.filter(account_balances__account__in=accounts)
    return Coalesce(_grouped(rows, Sum("account_balances__balance")), _ZERO)


def _leads(reader: Any) -> QuerySet[Any]:
    """Visible leads that became the borrower."""
    return Lead.objects.visible_to(reader).filter(borrower=OuterRef("pk"))


def _with_borrower(reader: Any) -> QuerySet[Any]:
    """Appointments to come with the borrower alone, that the reader sees."""
    rows = Appointment.objects.filter(
        borrower=OuterRef("pk"), status=AppointmentStatus.SCHEDULED, starts_at__gte=Now()
    )
    scope = ALONE.get(reader.role)
    return rows.filter(scope.rows(rows, reader)) if scope else rows


# --- around one -------------------------------------------------------------------------------------


class Contact(TypedDict):
    """Somebody around a customer."""

    relation: str
    id: int
    name: str
    email: str
    phone: str


@dataclass
class Around:
    """What a reader sees around a borrower; each part is one or two queries, made when it is shown."""

    borrower: Any
    reader: Any

    @cached_property
    def _applications(self) -> list[int]:
        # Read first: with the ids in a query each part of it is found by its own index.
        rows = Application.objects.visible_to(self.reader).filter(**{_LINK: self.borrower})
        return list(rows.order_by().values_list("pk", flat=True))

    @cached_property
    def _subject(self) -> Q:
        """On the borrower, the applications, or the leads."""
        leads = Lead.objects.visible_to(self.reader).filter(borrower=self.borrower).order_by()
        on = Q(borrower=self.borrower) | Q(application__in=self._applications)
        return on | Q(lead__in=list(leads.values_list("pk", flat=True)))

    @property
    def loans(self) -> QuerySet[Any]:
        """Applications, the newest first, with what is owed on each."""
        owed = Q(account_balances__account__in=OWED)
        rows = Application.objects.filter(pk__in=self._applications)
        rows = rows.annotate(balance=Coalesce(Sum("account_balances__balance", filter=owed), _ZERO))
        return rows.select_related("loan").order_by("-created_at", "-id")[:MOST_LOANS]

    @property
    def contacts(self) -> list[Contact]:
        """Brokers, BDMs, those who borrow as well, and guarantors.

        Whoever sees an application sees who is on it, and the names of its broker and BDM; how to reach
        these, only who sees their profiles.
        """
        on = {"applications__in": self._applications}
        brokers = self._known(Broker.objects.filter(**on))
        bdms = self._known(Bdm.objects.filter(**on).select_related("user"))
        others = Borrower.objects.filter(**on).exclude(pk=self.borrower.pk)
        guarantors = Guarantor.objects.filter(Q(**on) | Q(borrower=self.borrower))
        return [
            *(_contact("broker", row, row if row.is_known else None) for row in brokers),
            *(_contact("bdm", row, row.user if row.is_known else None) for row in bdms),
            *(_contact("co_borrower", row, row) for row in others.distinct().order_by("pk")),
            *(_contact("guarantor", row, row) for row in guarantors.distinct().order_by("pk")),
        ]

    def _known(self, people: QuerySet[Any]) -> QuerySet[Any]:
        visible = people.model._default_manager.visible_to(self.reader)
        known = Exists(visible.filter(pk=OuterRef("pk")))
        return people.annotate(is_known=known).distinct().order_by("pk")

    @property
    def recent_interactions(self) -> QuerySet[Any]:
        """The latest, on the borrower, the applications and the leads."""
        rows = Interaction.objects.filter(self._subject).select_related("author")
        return rows.order_by("-occurred_at", "-id")[:LATEST]

    @property
    def upcoming_appointments(self) -> QuerySet[Any]:
        """The next ones."""
        rows = Appointment.objects.visible_to(self.reader).filter(
            self._subject, status=AppointmentStatus.SCHEDULED, starts_at__gte=Now()
        )
        return rows.select_related("host").order_by("starts_at", "id")[:LATEST]

    @property
    def conversations(self) -> QuerySet[Any]:
        """The reader's own, about an application or with the borrower's login, the latest first."""
        about = Q(application__in=self._applications)
        if self.borrower.user_id is not None:
            about |= Q(members__user=self.borrower.user_id)
        mine = Conversation.objects.visible_to(self.reader)
        rows = mine.filter(pk__in=Conversation.objects.filter(about).values("pk"))
        return with_latest(seen_by(rows, self.reader)).order_by("-active_at", "-id")[:LATEST]

    @property
    def reviews(self) -> QuerySet[Any]:
        """The latest that the borrower wrote."""
        rows = Review.objects.visible_to(self.reader).filter(borrower=self.borrower)
        return rows.select_related("author", "responded_by").order_by("-created_at", "-id")[:LATEST]


def _contact(relation: str, row: Any, reached: Any) -> Contact:
    return {
        "relation": relation,
        "id": row.pk,
        "name": str(row),
        "email": reached.email if reached else "",
        "phone": reached.phone if reached else "",
    }
