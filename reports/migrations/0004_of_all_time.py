from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# The cells of all time are summed from the facts, with all other cells, by the next refresh.
FORWARDS = """UPDATE reports_rollupstate SET is_whole = false,
    reached = COALESCE((SELECT max(id) FROM applications_application), 0) WHERE is_whole"""


class Migration(migrations.Migration):
    atomic = False  # as concurrent indexes ask for
    dependencies = [
        ("reports", "0003_ledger_topics"),
        ("applications", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(FORWARDS, "DELETE FROM reports_cell WHERE grain = 3"),
        migrations.RemoveIndex(model_name="cell", name="cell_of_all"),
        migrations.AlterField(
            model_name="cell",
            name="grain",
            field=models.PositiveSmallIntegerField(
                choices=[(0, "Day"), (1, "Month"), (2, "Year"), (3, "All time")]
            ),
        ),
        AddIndexConcurrently(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("level", 0), _negated=True),
                fields=["topic", "level", "grain", "day", "branch"],
                name="cell_of_all",
            ),
        ),
        AddIndexConcurrently(
            model_name="cell",
            index=models.Index(
                condition=models.Q(("level", 3)), fields=["topic", "grain", "bd", "day"], name="cell_of_bdm"
            ),
        ),
    ]
