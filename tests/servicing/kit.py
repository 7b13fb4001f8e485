"""Loans for tests, made by the services, and the audit of their ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from applications.models import Application, ApplicationBorrower, StageChange
from servicing.dates import business_date
from servicing.models import (
    Commission,
    CommissionTerms,
    Fee,
    JournalEntry,
    Loan,
    PartnerCommission,
    PartnershipTerms,
    PartnershipTier,
    Payment,
)
from servicing.selectors.audit import audit
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.fees import fee_add
from servicing.services.payments import payment_record
from servicing.services.settlement import application_settle
from tests.factories import (
    ApplicationFactory,
    BorrowerFactory,
    CommissionTermsFactory,
    PartnershipTermsFactory,
    SecurityFactory,
)

START = date(2025, 1, 15)


def D(amount: Any) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


def truncation(verb: str) -> None:
    """Turn the triggers that refuse to empty the ledger's tables on or off (ENABLE, DISABLE)."""
    with connection.cursor() as cursor:
        # A table with checks to come is not altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in ("servicing_journalentry", "servicing_journalline"):
            cursor.execute(f"ALTER TABLE {table} {verb} TRIGGER servicing_no_truncate")


@contextmanager
def as_in_production() -> Iterator[None]:
    """With every trigger on."""
    truncation("ENABLE")
    try:
        yield
    finally:
        truncation("DISABLE")


def breaches() -> list[str]:
    """What the audit finds, the triggers that tests turn off aside."""
    found = []
    for check in audit():
        found += [f"{check.name}: {one}" for one in check.breaches if "servicing_no_truncate" not in one]
    return found


def make_ready(application: Application, **terms: Any) -> Application:
    """Have all that a settlement asks for."""
    if Loan.objects.filter(application=application).exists():
        return application
    changes = {"approved_amount": Decimal("12000.00"), "loan_term": 12, "interest_rate": Decimal("6.0000")}
    Application.objects.filter(pk=application.pk).update(
        **{**changes, "stage": "settlement_conditions", "came_from": "", **terms}
    )
    application.refresh_from_db()
    if not application.borrower_links.exists():
        ApplicationBorrower.objects.create(application=application, borrower=BorrowerFactory.create())
    if not application.securities.exists():
        SecurityFactory.create(application=application)
    StageChange.objects.create(
        application=application, to_stage="loan_docs_signed", changed_at=timezone.now()
    )
    return application


def settled(actor: Any, application: Application | None = None, *, on: date = START, **kwargs: Any) -> Loan:
    """A settled loan of 12,000 AUD at 6 % over 12 months, unless said otherwise (`terms`)."""
    terms = kwargs.pop("terms", {})
    application = make_ready(application or ApplicationFactory.create(), **terms)
    return application_settle(application=application, actor=actor, settlement_date=on, **kwargs)


def fee_of(actor: Any, application: Application, amount: Any = "300.00") -> Fee:
    """A fee that is due today."""
    return fee_add(
        application=application, actor=actor, fee_type="legal", amount=D(amount), due_date=business_date()
    )


def loan_of(actor: Any, application: Application) -> Loan:
    """The loan of an application, settled today if it was not before."""
    found = Loan.objects.filter(application=application).first()
    return found or settled(actor, application, on=business_date())


def payment_of(actor: Any, application: Application, amount: Any = "100.00") -> Payment:
    """A payment that was received today."""
    loan = loan_of(actor, application)
    return payment_record(
        application=loan.application, actor=actor, amount=D(amount), received_on=business_date()
    )


def commission_of(actor: Any, application: Application) -> Commission:
    """The upfront commission of an application's loan, on terms for all brokers."""
    if not CommissionTerms.objects.exists():
        CommissionTermsFactory.create()
    loan_of(actor, application)
    return Commission.objects.get(application=application, kind="upfront", partnership=None)


def partner_commission_of(actor: Any, application: Application) -> PartnerCommission:
    """A commission of who referred an application: 0.5 % of its loan, or of another one's that is settled."""
    partner = application.referral_partner
    upfront = PartnerCommission.objects.filter(partnership=partner, kind="upfront")
    if not upfront.exists():
        PartnershipTermsFactory.create(partnership=partner)
        if Loan.objects.filter(application=application).exists():
            people = {name: getattr(application, name) for name in ("broker", "bd", "branch")}
            application = ApplicationFactory.create(referral_partner=partner, **people)
        loan_of(actor, application)
    return upfront.latest("pk")


def tiered(partnership: Any, basis: str, *tiers: tuple[str, str], **fields: Any) -> PartnershipTerms:
    """Terms by tiers, each from an amount on with a rate."""
    terms: PartnershipTerms = PartnershipTermsFactory.create(
        partnership=partnership, kind="tiered", tier_basis=basis, **fields
    )
    PartnershipTier.objects.bulk_create(
        PartnershipTier(terms=terms, from_amount=D(amount), rate=Decimal(rate)) for amount, rate in tiers
    )
    return terms


# --- bodies of requests, after what they ask for has been prepared -------------------------------


def settle(world: Any) -> dict[str, Any]:
    make_ready(world.ours.application)
    return {}


def pay_out(world: Any) -> dict[str, Any]:
    application = loan_of(world.admin, world.ours.application).application
    return {"amount": str(payoff(read_facts(application), business_date()).total)}


def record_payment(world: Any) -> dict[str, Any]:
    loan_of(world.admin, world.ours.application)
    return {"amount": "1000.00"}


def refund(world: Any) -> dict[str, Any]:
    application = loan_of(world.admin, world.ours.application).application
    if balances(application).get("unapplied", D(0)) > D(-25):
        payment_of(world.admin, application)
    return {"amount": "25.00", "reason": "Paid twice."}


def entries(application: Application) -> list[tuple[str, Decimal, dict[str, Decimal]]]:
    """Type, amount and lines of every entry, in order."""
    rows = JournalEntry.objects.filter(application=application).order_by("pk")
    return [
        (row.entry_type, row.amount, {line.account: line.amount for line in row.lines.all()}) for row in rows
    ]


def balances(application: Application) -> dict[str, Decimal]:
    """What is on each account, those without a balance aside."""
    rows = application.account_balances.exclude(balance=0)
    return dict(rows.values_list("account", "balance"))
