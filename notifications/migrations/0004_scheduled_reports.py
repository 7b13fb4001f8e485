from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_mail_reminders_and_alerts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="notification_type",
            field=models.CharField(
                choices=[
                    ("application_status", "Application status"),
                    ("repayment_upcoming", "Repayment due soon"),
                    ("repayment_overdue", "Repayment overdue"),
                    ("note_reminder", "Note or reminder"),
                    ("document_uploaded", "Document uploaded"),
                    ("signature_required", "Signature required"),
                    ("system", "Account and system"),
                    ("message", "Message"),
                    ("lead_assigned", "Lead assigned"),
                    ("appointment_reminder", "Appointment reminder"),
                    ("scheduled_report", "Scheduled report"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="notificationpreference",
            name="notification_type",
            field=models.CharField(
                choices=[
                    ("application_status", "Application status"),
                    ("repayment_upcoming", "Repayment due soon"),
                    ("repayment_overdue", "Repayment overdue"),
                    ("note_reminder", "Note or reminder"),
                    ("document_uploaded", "Document uploaded"),
                    ("signature_required", "Signature required"),
                    ("system", "Account and system"),
                    ("message", "Message"),
                    ("lead_assigned", "Lead assigned"),
                    ("appointment_reminder", "Appointment reminder"),
                    ("scheduled_report", "Scheduled report"),
                ],
                max_length=32,
            ),
        ),
    ]
