from django.db import migrations, models


class Migration(migrations.Migration):
    # A constant default is kept in the catalogue: no row is rewritten, however many there are.
    dependencies = [
        ("events", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="api_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=12),
        ),
    ]
