from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The log is large: its writers are not locked out.
    atomic = False

    dependencies = [
        ("events", "0002_api_key"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("api_key", ""), _negated=True),
                fields=["api_key", "-id"],
                name="event_api_key",
            ),
        ),
    ]
