"""Merges of borrowers, and what equal telephone numbers are found by."""

import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import crm_backend.common.encrypted_fields


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("borrowers", "0003_parties_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BorrowerMerge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("into_id", models.BigIntegerField()),
                ("duplicate_id", models.BigIntegerField()),
                ("duplicate_name", models.CharField(max_length=201)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "taken",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("snapshot", crm_backend.common.encrypted_fields.EncryptedTextField(help_text="JSON.")),
                (
                    "moved",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                ("merged_at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "left",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name="borrower",
            index=models.Index(
                condition=models.Q(("phone", ""), _negated=True), fields=["phone"], name="borrower_phone"
            ),
        ),
        migrations.AddField(
            model_name="borrowermerge",
            name="merged_by",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="borrowermerge",
            name="survivor",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merges",
                to="borrowers.borrower",
            ),
        ),
        migrations.AddField(
            model_name="borrowermerge",
            name="undone_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="borrowermerge",
            index=models.Index(fields=["-merged_at", "-id"], name="borrower_merge_recent"),
        ),
        migrations.AddIndex(
            model_name="borrowermerge",
            index=models.Index(fields=["duplicate_id", "-merged_at", "-id"], name="borrower_merge_duplicate"),
        ),
        migrations.AddIndex(
            model_name="borrowermerge",
            index=models.Index(fields=["survivor", "-merged_at", "-id"], name="borrower_merge_survivor"),
        ),
        migrations.AddConstraint(
            model_name="borrowermerge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("duplicate_id",), name="borrower_merged_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="borrowermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("into_id", models.F("duplicate_id")), _negated=True),
                name="borrower_merge_of_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="borrowermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("undone_at", None), ("undone_by", None)),
                    models.Q(("undone_at__isnull", False), ("undone_by__isnull", False)),
                    _connector="OR",
                ),
                name="borrower_merge_undone_by_somebody",
            ),
        ),
    ]
