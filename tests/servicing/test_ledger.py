"""The database keeps the ledger, whoever writes; the audit finds what went behind its back."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from servicing.choices import Account
from servicing.models import AccountBalance, Fee, JournalEntry, JournalLine, Payment, PaymentShare, Repayment
from servicing.services.payments import payment_record, payment_reverse
from tests.factories import CommissionTermsFactory
from tests.servicing.kit import D, as_in_production, balances, breaches, settled
from tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan(world):
    """Settled, with a payment and one that was reversed."""
    CommissionTermsFactory.create()
    loan = settled(world.admin, world.ours.application, fees=[{"fee_type": "legal", "amount": D(50)}])
    today = timezone.localdate()
    fields = {"application": loan.application, "actor": world.admin, "received_on": today}
    payment_record(amount=D(700), **fields)
    payment_reverse(payment=payment_record(amount=D(300), **fields), actor=world.admin, reason="Bounced.")
    assert breaches() == []
    return loan


def entry_of(application, amount):
    return JournalEntry(
        application=application,
        entry_type="adjustment",
        entry_date=date(2025, 2, 1),
        amount=amount,
        balance=D(0),
        description="By hand",
        created_at=timezone.now(),
    )


def refused(write) -> str:
    """The name of the rule by which the database refuses."""

    def write_to_the_end():
        write()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write_to_the_end()
    return error.value.__cause__.diag.constraint_name


def insert(application, amount, *lines):
    entry = entry_of(application, amount)
    entry.save()
    JournalLine.objects.bulk_create(JournalLine(entry=entry, account=a, amount=v) for a, v in lines)


@pytest.mark.parametrize(
    ("amount", "lines"),
    [
        ("10.00", [("cash", "10.00")]),
        ("10.00", [("cash", "10.00"), ("unapplied", "-9.99")]),
        ("10.00", []),
        ("10.00", [("cash", "9.00"), ("unapplied", "-9.00")]),
    ],
)
def test_an_entry_that_does_not_balance_is_refused(loan, amount, lines):
    before = balances(loan.application)
    given = [(account, D(value)) for account, value in lines]
    assert refused(lambda: insert(loan.application, D(amount), *given)) == "journal_entry_balances"
    assert balances(loan.application) == before


def test_lines_are_not_added_to_an_entry_afterwards(loan):
    entry = JournalEntry.objects.latest("pk")

    def append():
        JournalLine.objects.bulk_create(
            [
                JournalLine(entry=entry, account="write_off", amount=D(5)),
                JournalLine(entry=entry, account="commission_payable", amount=D(-5)),
            ]
        )

    assert refused(append) == "journal_entry_balances"


@pytest.mark.parametrize("model", [JournalEntry, JournalLine])
@pytest.mark.parametrize("verb", ["update", "delete", "truncate"])
def test_what_was_written_is_neither_changed_nor_removed(loan, model, verb):
    table = model._meta.db_table
    statements = {
        "update": f"UPDATE {table} SET amount = amount + 1",
        "delete": f"DELETE FROM {table}",
        "truncate": f"TRUNCATE {table} CASCADE",
    }

    def write():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statements[verb])

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with as_in_production():
        assert refused(write) == "ledger_append_only"


def test_balances_are_kept_by_the_database(loan):
    insert(loan.application, D(10), ("cash", D(10)), ("unapplied", D(-10)))
    kept = AccountBalance.objects.get(application=loan.application, account=Account.CASH).balance
    lines = JournalLine.objects.filter(entry__application=loan.application, account=Account.CASH)
    assert kept == sum(line.amount for line in lines) == D(10 + 700 - 12000)


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_at_once_none_loses_a_balance(loan, world):
    def pay():
        payment_record(
            application=loan.application, actor=world.admin, amount=D(1), received_on=timezone.localdate()
        )

    together(*[pay] * 8)
    assert Payment.objects.filter(amount=D(1)).count() == 8
    assert breaches() == []


# --- the audit -----------------------------------------------------------------------------------


def behind_its_back(*statements):
    """Write what no trigger sees."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


def run_audit():
    out = StringIO()
    with as_in_production():
        try:
            call_command("ledger_audit", stdout=out)
        except CommandError as error:
            return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_the_audit_says_what_it_looked_at(loan):
    out, error = run_audit()
    assert error == ""
    assert out.endswith("The ledger is right.\n")
    entries = JournalEntry.objects.count()
    assert (
        f"ok     every entry balances, and its amount is the sum of its debits ({entries} looked at)" in out
    )
    assert "BREACH" not in out


def test_the_audit_of_nothing_passes():
    assert run_audit()[1] == ""


LINE = "(SELECT max(id) FROM servicing_journalline WHERE account = 'cash')"
MORE_COMMISSION = "UPDATE servicing_commission SET amount = amount + 1, broker_amount = broker_amount + 1"
CORRUPTIONS = {
    "every entry balances": f"UPDATE servicing_journalline SET amount = amount + 1 WHERE id = {LINE}",
    "running balances": "UPDATE servicing_accountbalance SET balance = balance + 1 WHERE account = 'cash'",
    "every entry says": "UPDATE servicing_journalentry SET balance = balance + 1",
    "principal is": "UPDATE servicing_scheduleversion SET advanced = advanced + 1",
    "no more principal": (
        "UPDATE servicing_accountbalance SET balance = -balance WHERE account = 'loan_principal'"
    ),
    "interest receivable": "UPDATE servicing_repayment SET charged_on = NULL WHERE number = 1",
    "interest income": "UPDATE servicing_repayment SET charged_on = NULL WHERE number = 1",
    "fees receivable": "UPDATE servicing_fee SET amount = amount + 1",
    "penalties receivable": "UPDATE servicing_fee SET fee_type = 'late'",
    "cash is": "UPDATE servicing_payment SET amount = amount + 1 WHERE status = 'received'",
    "money held": "DELETE FROM servicing_paymentshare",
    "no money is held": (
        "UPDATE servicing_accountbalance SET account = 'unapplied' WHERE account = 'loan_principal'"
    ),
    "what is scheduled": (
        "UPDATE servicing_repayment SET amount = amount + 1, interest = interest + 1 WHERE number = 12"
    ),
    "the principal of the repayments": (
        "UPDATE servicing_repayment SET principal = principal - 1, interest = interest + 1"
    ),
    "repayments say": "UPDATE servicing_repayment SET interest_paid = 0, principal_paid = 0",
    "fees say": "UPDATE servicing_fee SET paid_amount = 0",
    "every payment has one entry": "UPDATE servicing_journalentry SET payment_id = NULL",
    "the cash of a payment": "UPDATE servicing_payment SET amount = amount + 1",
    "reversed payments": (
        "UPDATE servicing_paymentshare SET payment_id = "
        "(SELECT id FROM servicing_payment WHERE status = 'reversed')"
    ),
    "commission expense": MORE_COMMISSION,
    "commission payable": MORE_COMMISSION,
    "the entries of a commission": MORE_COMMISSION,
    "no more is clawed back": (
        "UPDATE servicing_commission SET kind = 'clawback', amount = -amount, "
        "broker_amount = -broker_amount, branch_amount = -branch_amount"
    ),
    "the whole ledger": f"UPDATE servicing_journalline SET amount = amount + 1 WHERE id = {LINE}",
    "a replay": "UPDATE servicing_paymentshare SET component = 'penalty' WHERE component = 'interest'",
    "interest accrued is": "UPDATE servicing_repayment SET charged_on = NULL WHERE number = 12",
}


@pytest.mark.parametrize("check", CORRUPTIONS)
def test_the_audit_finds_what_was_written_behind_its_back(loan, check):
    behind_its_back(CORRUPTIONS[check])
    out, error = run_audit()
    found = [line for line in out.splitlines() if line.startswith("BREACH")]
    assert any(line.removeprefix("BREACH ").startswith(check) for line in found), out
    assert error.endswith("checks found breaches.")


def test_every_check_of_the_audit_is_tried():
    from servicing.selectors.checks import CHECKS

    assert all(any(name.startswith(tried) for tried in CORRUPTIONS) for name in CHECKS)
    assert len(CORRUPTIONS) == len(CHECKS) + 2  # the replays


def test_the_audit_finds_a_guard_that_is_off(loan):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE servicing_journalline DISABLE TRIGGER servicing_append_only")
    out, error = run_audit()
    assert "trigger servicing_append_only of servicing_journalline is not there or not on" in out
    assert error == "1 checks found breaches."


def test_the_books_have_rows_of_everything(loan):
    """So that the corruptions above have something to corrupt."""
    assert PaymentShare.objects.filter(component="interest").exists()
    assert Fee.objects.exclude(paid_amount=0).exists()
    assert Repayment.objects.filter(number=12).exists()
