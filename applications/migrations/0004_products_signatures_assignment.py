from decimal import Decimal

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import crm_backend.common.australia
import crm_backend.common.dates


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0003_ordering_indexes"),
        ("borrowers", "0001_initial"),
        ("brokers", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "code",
                    models.CharField(
                        help_text="Capitals, digits and hyphens.",
                        max_length=32,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z0-9][A-Z0-9-]*\\Z", "Capitals, digits and hyphens only.", "code"
                            )
                        ],
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=500)),
                ("is_active", models.BooleanField(default=True, help_text="Whether it is on offer.")),
                (
                    "is_secured",
                    models.BooleanField(default=True, help_text="Whether approval needs a security."),
                ),
                (
                    "application_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("residential", "Residential"),
                                ("commercial", "Commercial"),
                                ("construction", "Construction"),
                                ("refinance", "Refinance"),
                                ("investment", "Investment"),
                                ("smsf", "Self-managed super fund"),
                                ("personal", "Personal"),
                                ("asset_finance", "Asset finance"),
                            ],
                            max_length=16,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "repayment_frequencies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("weekly", "Weekly"),
                                ("fortnightly", "Fortnightly"),
                                ("monthly", "Monthly"),
                                ("quarterly", "Quarterly"),
                                ("annually", "Annually"),
                            ],
                            max_length=16,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "min_loan_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                    ),
                ),
                (
                    "max_loan_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                    ),
                ),
                (
                    "min_loan_term",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Months.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(600),
                        ],
                    ),
                ),
                (
                    "max_loan_term",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Months.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(600),
                        ],
                    ),
                ),
                (
                    "min_interest_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent per annum.",
                        max_digits=7,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "max_interest_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent per annum.",
                        max_digits=7,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "max_loan_to_value_ratio",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Percent; checked at formal approval.",
                        max_digits=5,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                    ),
                ),
                (
                    "default_repayment_frequency",
                    models.CharField(
                        choices=[
                            ("weekly", "Weekly"),
                            ("fortnightly", "Fortnightly"),
                            ("monthly", "Monthly"),
                            ("quarterly", "Quarterly"),
                            ("annually", "Annually"),
                        ],
                        default="monthly",
                        max_length=16,
                    ),
                ),
                (
                    "repayment_method",
                    models.CharField(
                        choices=[
                            ("equal_instalments", "Equal instalments"),
                            ("equal_principal", "Equal principal"),
                            ("interest_only", "Interest only"),
                            ("bullet", "Bullet"),
                            ("fixed_principal_percentage", "Fixed principal percentage"),
                        ],
                        default="equal_instalments",
                        max_length=32,
                    ),
                ),
                (
                    "day_count",
                    models.CharField(
                        choices=[
                            ("30_360", "30/360"),
                            ("act_365", "ACT/365F"),
                            ("act_360", "ACT/360"),
                            ("act_act", "ACT/ACT (ISDA)"),
                            ("equal_periods", "Equal periods"),
                        ],
                        default="act_365",
                        max_length=16,
                    ),
                ),
                (
                    "rounding",
                    models.CharField(
                        choices=[("half_up", "Half up"), ("half_even", "Half even")],
                        default="half_up",
                        max_length=16,
                    ),
                ),
                (
                    "instalment_multiple",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD that instalments are a multiple of.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                    ),
                ),
                (
                    "establishment_fee_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent.",
                        max_digits=7,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "capped_interest_months",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Months.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(600),
                        ],
                    ),
                ),
                (
                    "monthly_line_fee_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent.",
                        max_digits=7,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "line_fee_months",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Months that the line fee is charged for; the loan's term if null.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(600),
                        ],
                    ),
                ),
                (
                    "brokerage_fee_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent.",
                        max_digits=7,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "application_fee",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "due_diligence_fee",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "legal_fee_before_gst",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "valuation_fee",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "monthly_account_fee",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "working_fee",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="AUD.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(help_text="As the signer wrote it.", max_length=200)),
                (
                    "signature_date",
                    models.DateField(validators=[crm_backend.common.dates.validate_not_future]),
                ),
                ("image", models.BinaryField()),
                ("width", models.PositiveSmallIntegerField(help_text="Pixels.")),
                ("height", models.PositiveSmallIntegerField(help_text="Pixels.")),
                ("sha256", models.CharField(max_length=64)),
                ("terms", models.JSONField()),
                ("signed_at", models.DateTimeField(auto_now_add=True)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.AddField(
            model_name="application",
            name="quantity_surveyor_company",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="application",
            name="quantity_surveyor_contact",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="application",
            name="quantity_surveyor_email",
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name="application",
            name="quantity_surveyor_phone",
            field=models.CharField(
                blank=True, max_length=32, validators=[crm_backend.common.australia.validate_phone]
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="valuer_company",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="application",
            name="valuer_contact",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="application",
            name="valuer_email",
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name="application",
            name="valuer_phone",
            field=models.CharField(
                blank=True, max_length=32, validators=[crm_backend.common.australia.validate_phone]
            ),
        ),
        migrations.AlterField(
            model_name="security",
            name="valuation_date",
            field=models.DateField(
                blank=True, null=True, validators=[crm_backend.common.dates.validate_not_future]
            ),
        ),
        migrations.AddConstraint(
            model_name="security",
            constraint=models.CheckConstraint(
                condition=models.Q(("valuation_amount", None), ("valuation_amount__gt", 0), _connector="OR"),
                name="security_valuation_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="security",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valuation_date", None), ("valuation_amount__isnull", False), _connector="OR"
                ),
                name="security_valuation_date_of_an_amount",
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["-created_at", "-id"], name="product_recent"),
        ),
        migrations.AddIndex(
            model_name="product",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("name"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("code"), "gin_trgm_ops"
                ),
                name="product_search",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_loan_amount__isnull", True),
                    ("max_loan_amount__isnull", True),
                    ("min_loan_amount__lte", models.F("max_loan_amount")),
                    _connector="OR",
                ),
                name="product_min_loan_amount_max_loan_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_loan_term__isnull", True),
                    ("max_loan_term__isnull", True),
                    ("min_loan_term__lte", models.F("max_loan_term")),
                    _connector="OR",
                ),
                name="product_min_loan_term_max_loan_term",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_interest_rate__isnull", True),
                    ("max_interest_rate__isnull", True),
                    ("min_interest_rate__lte", models.F("max_interest_rate")),
                    _connector="OR",
                ),
                name="product_min_interest_rate_max_interest_rate",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("repayment_frequencies", []),
                    ("repayment_frequencies__contains", [models.F("default_repayment_frequency")]),
                    _connector="OR",
                ),
                name="product_default_frequency_allowed",
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="product",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="applications",
                to="applications.product",
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signatures",
                to="applications.application",
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="signed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="signature",
            index=models.Index(fields=["application", "-id"], name="signature_recent"),
        ),
    ]
