"""Drop the indexes of columns with which another index begins, and that for LIKE on references."""

import django.db.models.deletion
from django.db import migrations, models

import applications.models


def followed(to, related_name, on_delete=django.db.models.deletion.PROTECT, **kwargs):
    return models.ForeignKey(to=to, related_name=related_name, on_delete=on_delete, db_index=False, **kwargs)


class Migration(migrations.Migration):
    dependencies = [("applications", "0007_reading_indexes")]

    operations = [
        # First, so that references are never without it.
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                fields=("reference_number",), name="application_reference_once"
            ),
        ),
        migrations.AlterField(
            model_name="application",
            name="reference_number",
            field=models.CharField(default=applications.models.new_reference, editable=False, max_length=12),
        ),
        migrations.AlterField(
            model_name="application",
            name="bd",
            field=followed("brokers.bdm", "applications", blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="application",
            name="branch",
            field=followed("brokers.branch", "applications", blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="application",
            name="broker",
            field=followed("brokers.broker", "applications", blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="applicationborrower",
            name="application",
            field=followed("applications.application", "borrower_links", django.db.models.deletion.CASCADE),
        ),
        migrations.AlterField(
            model_name="applicationguarantor",
            name="application",
            field=followed("applications.application", "guarantor_links", django.db.models.deletion.CASCADE),
        ),
    ]
