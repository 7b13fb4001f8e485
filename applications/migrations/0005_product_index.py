from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # built beside writes, not in their way

    dependencies = [("applications", "0004_products_signatures_assignment")]

    operations = [
        AddIndexConcurrently(
            "application",
            models.Index(fields=["product", "-created_at", "-id"], name="application_product"),
        ),
    ]
