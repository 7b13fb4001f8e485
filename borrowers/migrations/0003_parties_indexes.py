"""Indexes and the check of old rows, without holding up writers."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("borrowers", "0002_parties_complete")]

    operations = [
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["updated_at", "id"], name="borrower_changed"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["company_name", "id"], name="borrower_company_name"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["borrower_type", "-created_at", "-id"], name="borrower_type"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["residency_status", "-created_at", "-id"], name="borrower_residency"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["marital_status", "-created_at", "-id"], name="borrower_marital"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["state", "-created_at", "-id"], name="borrower_state"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="borrower_tags"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(django.db.models.functions.text.Lower("email"), name="borrower_email"),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(
                condition=models.Q(("abn", ""), _negated=True), fields=["abn"], name="borrower_abn"
            ),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(
                condition=models.Q(("acn", ""), _negated=True), fields=["acn"], name="borrower_acn"
            ),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(
                condition=models.Q(("tax_id_index", ""), _negated=True),
                fields=["tax_id_index"],
                name="borrower_tax_id",
            ),
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(fields=["date_of_birth"], name="borrower_born"),
        ),
        AddIndexConcurrently(
            model_name="guarantor",
            index=models.Index(fields=["last_name", "id"], name="guarantor_last_name"),
        ),
        AddIndexConcurrently(
            model_name="guarantor",
            index=models.Index(fields=["company_name", "id"], name="guarantor_company_name"),
        ),
        AddIndexConcurrently(
            model_name="guarantor",
            index=models.Index(fields=["guarantor_type", "-created_at", "-id"], name="guarantor_type"),
        ),
        AddIndexConcurrently(
            model_name="guarantor",
            index=models.Index(fields=["relationship", "-created_at", "-id"], name="guarantor_relationship"),
        ),
        AddIndexConcurrently(
            model_name="guarantor",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("first_name"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("last_name"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("company_name"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("email"), "gin_trgm_ops"
                ),
                name="guarantor_search",
            ),
        ),
        ValidateConstraint(model_name="borrower", name="borrower_bank_account_complete"),
        ValidateConstraint(model_name="borrower", name="borrower_amounts_not_negative"),
    ]
