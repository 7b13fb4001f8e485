from django.db import migrations, models


class Migration(migrations.Migration):
    # Choices are not in the database: nothing is changed there.
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="outgoingmail",
            name="kind",
            field=models.CharField(
                choices=[
                    ("password_reset", "Password reset"),
                    ("account_approved", "Account approved"),
                    ("email_changed", "E-mail address changed"),
                ],
                max_length=32,
            ),
        ),
    ]
