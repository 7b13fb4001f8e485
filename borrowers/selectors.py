"""Reading borrowers: their duplicates, their finances, and what happened to them."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DecimalField,
    Exists,
    ExpressionWrapper,
    FloatField,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat, Greatest, Length, Lower, Replace, Upper
from django.db.models.lookups import LessThanOrEqual

from borrowers.choices import LiabilityType, PartyType
from borrowers.finances import Debt, Position
from borrowers.models import Borrower
from events.models import Event
from events.registry import Audience
from events.selectors import happened
from users.choices import Role

# How alike names are for a warning, by the trigrams that they share (pg_trgm): Jon Smith and John Smith have
# 0.62. A person's birth date has to be the same as well; a company's name stands alone, so it must be closer.
SIMILAR_PERSON = 0.5
SIMILAR_COMPANY = 0.6
# Not compared: with them every company is a little like every other one.
LEGAL_FORM = "PTY|PROPRIETARY|LTD|LIMITED"
REASONS = ("abn", "acn", "tax_id", "email", "phone", "person", "company_name")


@dataclass(frozen=True)
class Likeness:
    """What a duplicate would have in common; empty values are not compared."""

    abn: str = ""
    acn: str = ""
    tax_id: Any = ""
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    date_of_birth: date | None = None
    company_name: str = ""
    without: int | None = None

    @classmethod
    def of(cls, borrower: Borrower) -> Self:
        """All that is known of a borrower, who is no duplicate of their own."""
        names = [name for name in cls.__dataclass_fields__ if name != "without"]
        return cls(**{name: getattr(borrower, name) for name in names}, without=borrower.pk)

    def conditions(self) -> dict[str, Q]:
        """By reason, what its duplicates meet."""
        index: Any = Borrower._meta.get_field("tax_id_index")
        born = {"date_of_birth": self.date_of_birth, "borrower_type": PartyType.INDIVIDUAL}
        # The index knows words that are alike; among those few the whole names are compared.
        alike = Q(upper_company_name__trigram_word_similar=self.trade_name)
        conditions = {
            "abn": self.abn and Q(abn=self.abn),
            "acn": self.acn and Q(acn=self.acn),
            "tax_id": self.tax_id and Q(tax_id_index__in=index.matching(self.tax_id)),
            "email": self.email and Q(lower_email=self.email.lower()),
            "phone": self.phone and Q(phone=self.phone),
            "person": self.full_name and Q(**born, person_similarity__gte=SIMILAR_PERSON),
            "company_name": self.trade_name and alike & Q(company_similarity__gte=SIMILAR_COMPANY),
        }
        return {reason: condition for reason, condition in conditions.items() if condition}

    @property
    def full_name(self) -> str:
        """Of a person whose birth date is known, in capitals."""
        return f"{self.first_name} {self.last_name}".upper() if self.date_of_birth else ""

    @property
    def trade_name(self) -> str:
        """Of a company, in capitals and without its legal form."""
        return " ".join(re.sub(rf"\b({LEGAL_FORM})\b", " ", self.company_name.upper()).split())


def for_list(borrowers: QuerySet[Any]) -> QuerySet[Any]:
    """Borrowers as list rows show them: without the long columns, the encrypted ones first of all."""
    return borrowers.defer("tax_id", "bank_account_number", "identity_documents", "directors")


def duplicates(borrowers: QuerySet[Any], likeness: Likeness, *, reader: Any) -> QuerySet[Any]:
    """Those of some borrowers that are like another one, each with its reasons: the most alike first.

    An equal tax file number is told only to those who may read it: to others a guess would be answered.

    Every condition has an index of its own, and PostgreSQL combines them.
    """
    conditions = likeness.conditions()
    if "tax_id" in conditions and reader.role != Role.ADMIN:
        conditions["tax_id"] &= Q(user=reader)
    if not conditions:
        return borrowers.none()
    rows = borrowers.alias(
        lower_email=Lower("email"),
        upper_company_name=Upper("company_name"),
        person_similarity=TrigramSimilarity(
            Upper(Concat("first_name", Value(" "), "last_name")), likeness.full_name
        ),
        company_similarity=_company_similarity(likeness.trade_name),
    )
    found = Q()
    matches: Any = Value(0, IntegerField())
    for condition in conditions.values():
        found |= condition
        matches += Case(When(condition, then=1), default=0, output_field=IntegerField())
    flags = {
        f"same_{reason}": ExpressionWrapper(condition, output_field=BooleanField())
        for reason, condition in conditions.items()
    }
    closest = Greatest("person_similarity", "company_similarity", output_field=FloatField())
    # Exact, because pages are cut where it is equal; PostgreSQL's own is a float of four bytes.
    similarity = Cast(closest, DecimalField(max_digits=3, decimal_places=2))
    rows = rows.filter(found).exclude(pk=likeness.without)
    return rows.annotate(**flags, matches=matches, similarity=similarity).order_by(
        "-matches", "-similarity", "-id"
    )


def _company_similarity(trade_name: str) -> Case:
    """How alike a company's name is; 0 without comparing where it is too long to be alike.

    Of a word that thousands have, most names are. Text has one trigram more than characters, fewer where some
    come twice, and no more than the shorter one's can be in common.
    """
    longest = int(1.2 * (len(trade_name) + 1) / SIMILAR_COMPANY) + 2
    text: Any = Upper("company_name")
    for word in LEGAL_FORM.split("|"):
        text = Replace(text, Value(f" {word}"), Value(""))
    alike = TrigramSimilarity(_trade_name(), trade_name)
    return Case(
        When(LessThanOrEqual(Length(text), longest), then=alike), default=0.0, output_field=FloatField()
    )


def _trade_name() -> Func:
    """`Likeness.trade_name` of a row."""
    words = (Value(rf"\m({LEGAL_FORM})\M"), Value(" "), Value("g"))
    return Func(Upper("company_name"), *words, function="REGEXP_REPLACE", output_field=CharField())


def position_of(borrower: Borrower) -> Position:
    """What a borrower earns, spends, owns and owes, from the columns and the two lists."""
    is_company = borrower.borrower_type == PartyType.COMPANY
    assets = list(borrower.assets.values_list("value", flat=True))
    debts = tuple(
        Debt(
            balance=row.balance,
            monthly_repayment=row.monthly_repayment,
            credit_limit=row.credit_limit,
            is_study_loan=row.liability_type == LiabilityType.HECS,
        )
        for row in borrower.liabilities.all()
    )
    income = borrower.net_profit if is_company else _income(borrower)
    expenses = Decimal("0.00") if is_company else borrower.monthly_expenses
    if is_company and not assets and not debts:
        # Assets and debts of one source: listed ones, or the balance sheet's, never one of each.
        owed = _balance_sheet_debts(borrower.total_liabilities)
        return Position(income, expenses, assets=borrower.total_assets, debts=owed)
    return Position(income, expenses, assets=sum(assets, Decimal("0.00")), debts=debts)


def _balance_sheet_debts(owed: Decimal | None) -> tuple[Debt, ...] | None:
    """A balance sheet says what is owed, not what it takes a month."""
    if owed is None:
        return None
    return (Debt(balance=owed, monthly_repayment=None),) if owed else ()


def _income(borrower: Borrower) -> Decimal | None:
    """A person's, who may have no other income, but has no income only by saying so."""
    if borrower.annual_income is None:
        return None
    return borrower.annual_income + (borrower.other_income or 0)


def timeline(borrower: Borrower, *, user: Any, reader: Audience) -> QuerySet[Event]:
    """What happened to a borrower, to those merged into it, to the guarantors, and to visible applications.

    Latest first. The ids are read first: with them in the query each part is found by its own index.
    `actor_known` says whether the user may see who did it.
    """
    related: Any = borrower
    guarantors = list(related.guarantors.visible_to(user).values_list("pk", flat=True))
    applications = list(related.applications.visible_to(user).values_list("pk", flat=True))
    merged = list(related.merges.standing().values_list("duplicate_id", flat=True))
    about = (
        Q(subject_type="borrower", subject_id__in=[borrower.pk, *merged])
        | Q(subject_type="guarantor", subject_id__in=guarantors)
        | Q(application_id__in=applications)
    )
    known = get_user_model().objects.visible_to(user).filter(pk=OuterRef("actor_id"))
    return happened(about, user=user, reader=reader).annotate(actor_known=Exists(known))
