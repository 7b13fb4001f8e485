import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import users.models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0004_partnerships"),
        ("jobs", "0002_followed"),
        ("reports", "0001_rollups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(help_text="The title of files, too.", max_length=100)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("source", models.CharField(editable=False, max_length=32)),
                ("definition", models.JSONField()),
                (
                    "shared_with",
                    models.CharField(
                        choices=[
                            ("nobody", "Nobody"),
                            ("branch", "Everybody of a branch"),
                            ("bdms", "All BDMs"),
                            ("brokers", "All brokers"),
                        ],
                        default="nobody",
                        max_length=16,
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Of those whom it is shared with; one's own when left out.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="brokers.branch",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReportSchedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "recurrence",
                    models.CharField(
                        choices=[("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly")],
                        max_length=8,
                    ),
                ),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[
                            (1, "Monday"),
                            (2, "Tuesday"),
                            (3, "Wednesday"),
                            (4, "Thursday"),
                            (5, "Friday"),
                            (6, "Saturday"),
                            (7, "Sunday"),
                        ],
                        help_text="Of a weekly one; 1 is Monday.",
                        null=True,
                    ),
                ),
                (
                    "day_of_month",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Of a monthly one; the last day of months that are shorter.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                    ),
                ),
                ("at", models.TimeField(help_text="By the clock of the time zone.")),
                (
                    "timezone",
                    models.CharField(
                        blank=True,
                        help_text="One's own when left out.",
                        max_length=64,
                        validators=[users.models.validate_timezone],
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("xlsx", "XLSX"), ("pdf", "PDF")],
                        default="pdf",
                        max_length=8,
                    ),
                ),
                ("is_paused", models.BooleanField(default=False)),
                ("next_run_at", models.DateTimeField(editable=False, null=True)),
                ("last_run_at", models.DateTimeField(editable=False, null=True)),
                ("last_error", models.CharField(blank=True, editable=False, max_length=500)),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("recipients", models.ManyToManyField(related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "report",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedules",
                        to="reports.savedreport",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReportFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                (
                    "format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("xlsx", "XLSX"), ("pdf", "PDF")], max_length=8
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "To be made"), ("ready", "Ready"), ("failed", "Failed")],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("content", models.BinaryField(default=b"")),
                ("size", models.PositiveIntegerField(default=0, help_text="Bytes.")),
                ("error", models.CharField(blank=True, max_length=500)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="When it is deleted.")),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="files",
                        to="reports.reportschedule",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "-created_at", "-id"], name="report_file_own"),
                    models.Index(
                        condition=models.Q(("status", "pending")),
                        fields=["attempts", "id"],
                        name="report_file_to_make",
                    ),
                    models.Index(fields=["expires_at"], name="report_file_over"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("schedule", "due_at", "user"), name="report_file_once"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "ready", "failed"])),
                        name="report_file_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("format__in", ["csv", "xlsx", "pdf"])),
                        name="report_file_format_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("size__gt", 0), ("status", "ready")),
                            models.Q(models.Q(("status", "ready"), _negated=True), ("size", 0)),
                            _connector="OR",
                        ),
                        name="report_file_ready_has_content",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="savedreport",
            index=models.Index(fields=["name", "id"], name="saved_report_name"),
        ),
        migrations.AddIndex(
            model_name="savedreport",
            index=models.Index(fields=["created_at", "id"], name="saved_report_recent"),
        ),
        migrations.AddIndex(
            model_name="savedreport",
            index=models.Index(fields=["owner", "name", "id"], name="saved_report_owner"),
        ),
        migrations.AddIndex(
            model_name="savedreport",
            index=models.Index(
                condition=models.Q(("branch", None), _negated=True),
                fields=["branch"],
                name="saved_report_branch",
            ),
        ),
        migrations.AddIndex(
            model_name="savedreport",
            index=models.Index(fields=["shared_with", "name", "id"], name="saved_report_shared"),
        ),
        migrations.AddConstraint(
            model_name="savedreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("shared_with__in", ["nobody", "branch", "bdms", "brokers"])),
                name="saved_report_shared_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("branch__isnull", False), ("shared_with", "branch")),
                    models.Q(models.Q(("shared_with", "branch"), _negated=True), ("branch", None)),
                    _connector="OR",
                ),
                name="saved_report_branch_where_shared",
            ),
        ),
        migrations.AddIndex(
            model_name="reportschedule",
            index=models.Index(fields=["next_run_at", "id"], name="report_schedule_due"),
        ),
        migrations.AddIndex(
            model_name="reportschedule",
            index=models.Index(fields=["created_at", "id"], name="report_schedule_recent"),
        ),
        migrations.AddIndex(
            model_name="reportschedule",
            index=models.Index(fields=["report", "created_at", "id"], name="report_schedule_report"),
        ),
        migrations.AddIndex(
            model_name="reportschedule",
            index=models.Index(fields=["created_by", "created_at", "id"], name="report_schedule_creator"),
        ),
        migrations.AddConstraint(
            model_name="reportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("day_of_month", None), ("recurrence", "daily"), ("weekday", None)),
                    models.Q(
                        ("day_of_month", None),
                        ("recurrence", "weekly"),
                        ("weekday__gte", 1),
                        ("weekday__lte", 7),
                    ),
                    models.Q(
                        ("day_of_month__gte", 1),
                        ("day_of_month__lte", 31),
                        ("recurrence", "monthly"),
                        ("weekday", None),
                    ),
                    _connector="OR",
                ),
                name="report_schedule_has_its_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="reportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("format__in", ["csv", "xlsx", "pdf"])),
                name="report_schedule_format_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_paused", True), ("next_run_at", None)),
                    models.Q(("is_paused", False), ("next_run_at__isnull", False)),
                    _connector="OR",
                ),
                name="report_schedule_next_unless_paused",
            ),
        ),
    ]
