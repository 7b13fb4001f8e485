"""The ledger: double entry, append-only, one book for each application.

The database keeps it (`migrations/0002_ledger_triggers.py`): it refuses an entry that does not balance, every
update, deletion and truncation, and keeps the running balances. `ledger_audit` proves all of it again.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.models import Application
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, through
from servicing.choices import COMMISSION_ENTRIES, Account, EntryType
from servicing.models.fees import Fee
from servicing.models.loans import Repayment
from servicing.models.payments import Payment
from servicing.models.scopes import SUM_DIGITS, money
from users.choices import Role

_OF_APPLICATION = through("application")
BUT_COMMISSIONS = Scope(
    "those on visible applications, but commissions",
    lambda rows, user: _OF_APPLICATION.rows(rows, user) & ~Q(entry_type__in=COMMISSION_ENTRIES),
)


class JournalEntryQuerySet(ScopedQuerySet):
    """Entries follow their application; commissions are between the lender and a broker."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: BUT_COMMISSIONS,
        Role.CLIENT: BUT_COMMISSIONS,
    }


class JournalEntry(models.Model):
    """One balanced entry. `amount` is the sum of its debits; `balance` what the borrower owed after it, AUD.

    `entry_date` is the value date, `created_at` when it was written. A negative `balance` is money held for
    the borrower.
    """

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="journal_entries", db_index=False
    )
    entry_type = models.CharField(max_length=24, choices=EntryType.choices)
    entry_date = models.DateField()
    amount = money(max_digits=SUM_DIGITS)
    balance = models.DecimalField(
        max_digits=SUM_DIGITS, decimal_places=2, help_text="AUD owed after this entry."
    )
    description = models.CharField(max_length=500)
    fee = models.ForeignKey(Fee, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    repayment = models.ForeignKey(
        Repayment, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="entries")
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="reversed_by", db_index=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    objects = JournalEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.CheckConstraint(name="journal_entry_amount_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(
                name="journal_entry_reversed_once", fields=["reverses"], condition=Q(reverses__isnull=False)
            ),
        ]
        indexes = [models.Index(name="journal_entry_of", fields=["application", "id"])]

    def __str__(self) -> str:
        return f"{self.entry_type} of {self.amount} on application {self.application_id}"


class JournalLine(models.Model):
    """One account of an entry: a debit is positive, a credit negative, AUD."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines", db_index=False)
    account = models.CharField(max_length=24, choices=Account.choices)
    amount = models.DecimalField(
        max_digits=SUM_DIGITS, decimal_places=2, help_text="AUD; a credit is negative."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="journal_line_amount_not_zero", condition=~Q(amount=0)),
            models.UniqueConstraint(name="journal_line_account_once", fields=["entry", "account"]),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"


class AccountBalance(models.Model):
    """The sum of the lines of one account of one application, kept by the database as lines are written."""

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="account_balances", db_index=False
    )
    account = models.CharField(max_length=24, choices=Account.choices)
    balance = models.DecimalField(
        max_digits=SUM_DIGITS, decimal_places=2, help_text="AUD; debits less credits."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="account_balance_once", fields=["application", "account"])
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.balance}"
