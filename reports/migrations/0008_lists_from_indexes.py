from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # as concurrent indexes ask for
    dependencies = [("reports", "0007_number_of_the_rules")]

    operations = [
        # Without a look at the table an index tells only of pages that vacuum has passed: a fiftieth of the cells
        # change in days, a fifth of them in months.
        migrations.RunSQL(
            "ALTER TABLE reports_cell SET (autovacuum_vacuum_scale_factor = 0.02)",
            "ALTER TABLE reports_cell RESET (autovacuum_vacuum_scale_factor)",
        ),
        AddIndexConcurrently(
            model_name="cell",
            index=models.Index(
                name="cell_of_list",
                fields=["topic", "level", "grain", "day", "branch"],
                include=["bd", "broker", "label", "count", "amount"],
                condition=models.Q(
                    level__gte=2, grain__gte=1, topic__in=("opened", "settled", "settlement", "commission")
                ),
            ),
        ),
        AddIndexConcurrently(
            model_name="cell",
            index=models.Index(
                name="cell_of_broker",
                fields=["topic", "grain", "broker", "day"],
                include=["bd", "branch", "label", "count", "amount", "other", "span"],
                condition=models.Q(
                    level=3, grain__gte=1, topic__in=("opened", "approved", "settled", "stage", "commission")
                ),
            ),
        ),
    ]
