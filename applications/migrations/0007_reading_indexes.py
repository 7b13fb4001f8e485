"""An index for every filter and ordering of the list, made while others write; none that nothing uses."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("applications", "0006_search_document")]

    operations = [
        AddIndexConcurrently(
            model_name="application",
            index=models.Index(fields=["application_type", "-created_at", "-id"], name="application_type"),
        ),
        AddIndexConcurrently(
            model_name="application",
            index=models.Index(
                fields=["repayment_frequency", "-created_at", "-id"], name="application_repayment"
            ),
        ),
        AddIndexConcurrently(
            model_name="application",
            index=models.Index(fields=["estimated_settlement_date", "id"], name="application_settlement"),
        ),
        RemoveIndexConcurrently(model_name="application", name="application_search"),
    ]
