"""Loans, payments and entries as they are shown."""

from typing import Any

from django.db.models import Case, DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from applications.models import Application
from servicing.allocation import ZERO
from servicing.choices import OWED, Account, PaymentStatus
from servicing.dates import business_date
from servicing.models import AccountBalance, Loan, PaymentShare
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import arrears, payoff


def with_shares(payments: QuerySet[Any]) -> QuerySet[Any]:
    """Payments with what they paid, and what is held of each; nothing is of a reversed one."""
    used = PaymentShare.objects.filter(payment=OuterRef("pk")).order_by().values("payment")
    money = DecimalField(max_digits=16, decimal_places=2)
    paid = Coalesce(Subquery(used.annotate(n=Sum("amount")).values("n")), Value(ZERO), output_field=money)
    return (
        payments.select_related("created_by", "fee", "repayment")
        .annotate(paid=paid)
        .annotate(
            held=Case(
                When(status=PaymentStatus.RECEIVED, then=F("amount") - F("paid")),
                default=Value(ZERO),
                output_field=money,
            )
        )
        .prefetch_related("shares")
    )


def for_ledger(entries: QuerySet[Any]) -> QuerySet[Any]:
    """Entries with their lines."""
    return entries.select_related("created_by").prefetch_related("lines")


def loan_detail(application: Application) -> Loan | None:
    """A loan with its balances, arrears, terms and repayments; None before settlement."""
    facts = read_facts(application)
    loan: Any = facts.loan
    if loan is None:
        return None
    kept = dict(AccountBalance.objects.filter(application=application).values_list("account", "balance"))
    loan.balance = sum((kept.get(account, ZERO) for account in OWED), ZERO)
    loan.principal_balance = kept.get(Account.LOAN_PRINCIPAL, ZERO)
    loan.accrued_interest = payoff(facts, business_date()).accrued_interest
    loan.held = -kept.get(Account.UNAPPLIED, ZERO)
    loan.arrears = arrears(facts, business_date())
    loan.versions = loan.schedules.select_related("created_by").order_by("version")
    loan.repayments = facts.repayments
    paid = sum((row.paid_amount for row in facts.repayments), ZERO)
    amount = sum((row.amount for row in facts.repayments), ZERO)
    loan.totals = {
        "interest": sum((row.interest for row in facts.repayments), ZERO),
        "principal": sum((row.principal for row in facts.repayments), ZERO),
        "amount": amount,
        "paid": paid,
        "outstanding": amount - paid,
    }
    result: Loan = loan
    return result
