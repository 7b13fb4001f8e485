from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0006_cells_of_custom_reports")]

    operations = [
        migrations.AddField(
            model_name="rollupstate",
            name="counted_by",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="`choices.RULES` of whoever counted."
            ),
        ),
        # What is not whole may be counted by whatever release still runs: it is begun anew.
        migrations.RunSQL(
            "UPDATE reports_rollupstate SET counted_by = 1 WHERE is_whole", migrations.RunSQL.noop
        ),
    ]
