from decimal import Decimal

import django.core.validators
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # as concurrent indexes ask for
    dependencies = [
        ("applications", "0010_allocation_and_late_fees"),
        ("brokers", "0003_no_second_indexes"),
        ("servicing", "0003_commissions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="loan",
            name="accrued_to",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="nightlyrun",
            name="accrued",
            field=models.PositiveIntegerField(
                default=0, help_text="Loans whose interest of a month was accrued."
            ),
        ),
        migrations.AddField(
            model_name="writeoff",
            name="accrued_interest",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal("0.00"),
                help_text="AUD.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AlterField(
            model_name="accountbalance",
            name="account",
            field=models.CharField(
                choices=[
                    ("cash", "Cash"),
                    ("loan_principal", "Loan principal"),
                    ("interest_receivable", "Interest receivable"),
                    ("interest_accrued", "Interest accrued, not due"),
                    ("fees_receivable", "Fees receivable"),
                    ("penalty_receivable", "Penalty receivable"),
                    ("unapplied", "Unapplied money"),
                    ("interest_income", "Interest income"),
                    ("fee_income", "Fee income"),
                    ("penalty_income", "Penalty income"),
                    ("write_off", "Written off"),
                    ("commission_expense", "Commission expense"),
                    ("commission_payable", "Commission payable"),
                    ("scheduled", "Scheduled repayments (memorandum)"),
                    ("scheduled_contra", "Scheduled repayments, contra (memorandum)"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="entry_type",
            field=models.CharField(
                choices=[
                    ("disbursement", "Disbursement"),
                    ("repayment_scheduled", "Repayments scheduled"),
                    ("fee_created", "Fee created"),
                    ("fee_paid", "Fee paid"),
                    ("fee_waived", "Fee waived"),
                    ("interest_accrued", "Interest accrued"),
                    ("interest_charged", "Interest charged"),
                    ("repayment_received", "Repayment received"),
                    ("payment_applied", "Unapplied money applied"),
                    ("adjustment", "Adjustment"),
                    ("reversal", "Reversal"),
                    ("refund", "Refund"),
                    ("write_off", "Write-off"),
                    ("commission_accrued", "Commission accrued"),
                    ("commission_clawed_back", "Commission clawed back"),
                    ("commission_paid", "Commission paid"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="journalline",
            name="account",
            field=models.CharField(
                choices=[
                    ("cash", "Cash"),
                    ("loan_principal", "Loan principal"),
                    ("interest_receivable", "Interest receivable"),
                    ("interest_accrued", "Interest accrued, not due"),
                    ("fees_receivable", "Fees receivable"),
                    ("penalty_receivable", "Penalty receivable"),
                    ("unapplied", "Unapplied money"),
                    ("interest_income", "Interest income"),
                    ("fee_income", "Fee income"),
                    ("penalty_income", "Penalty income"),
                    ("write_off", "Written off"),
                    ("commission_expense", "Commission expense"),
                    ("commission_payable", "Commission payable"),
                    ("scheduled", "Scheduled repayments (memorandum)"),
                    ("scheduled_contra", "Scheduled repayments, contra (memorandum)"),
                ],
                max_length=24,
            ),
        ),
        AddIndexConcurrently(
            model_name="commission",
            index=models.Index(fields=["branch", "-accrued_on", "-id"], name="commission_of_branch"),
        ),
        AddIndexConcurrently(
            model_name="commission",
            index=models.Index(fields=["-accrued_on", "-id"], name="commission_accrued"),
        ),
        AddIndexConcurrently(
            model_name="commission",
            index=models.Index(fields=["amount", "id"], name="commission_amount"),
        ),
        AddIndexConcurrently(
            model_name="loan",
            index=models.Index(
                condition=models.Q(("status", "active")),
                fields=["application", "accrued_to", "settled_on"],
                name="loan_to_accrue",
            ),
        ),
    ]
