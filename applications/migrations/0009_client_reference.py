from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

NAME = "application_client_reference_once"


class Migration(migrations.Migration):
    # The unique index is built without blocking writes to the table.
    atomic = False

    dependencies = [
        ("applications", "0008_no_second_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="client_reference",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The importer's own number of it.",
                max_length=64,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f'CREATE UNIQUE INDEX CONCURRENTLY "{NAME}" ON "applications_application"'
                    ' ("client_reference", "created_by_id") WHERE NOT ("client_reference" = \'\')',
                    f'DROP INDEX CONCURRENTLY IF EXISTS "{NAME}"',
                )
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="application",
                    constraint=models.UniqueConstraint(
                        name=NAME,
                        fields=["client_reference", "created_by"],
                        condition=~Q(client_reference=""),
                    ),
                )
            ],
        ),
    ]
