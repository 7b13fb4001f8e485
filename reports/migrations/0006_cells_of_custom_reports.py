from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_kinds_of_saved_reports")]

    operations = [
        # What was counted lacks what is lent, and what compliance leaves out: the next refresh counts all anew.
        migrations.RunSQL(
            "UPDATE reports_rollupstate SET is_whole = false, reached = 0", migrations.RunSQL.noop
        ),
    ]
