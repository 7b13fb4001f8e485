"""The nightly work of each business date."""

from django.db import models
from django.db.models import Q

from crm_backend.common.policy import ADMIN
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet
from servicing.choices import RunStatus


class NightlyRunQuerySet(ScopedQuerySet):
    """The lender's own matter."""

    scopes = {ADMIN: EVERYTHING}


class NightlyRun(models.Model):
    """One business date: how far its work has come, and what it did. `step` and `reached`: where to go on."""

    business_date = models.DateField()
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.RUNNING)
    step = models.CharField(max_length=24, blank=True)
    reached = models.BigIntegerField(default=0, help_text="The last application of the step that is done.")
    applications = models.PositiveIntegerField(default=0, help_text="Applications looked at.")
    charged = models.PositiveIntegerField(default=0, help_text="Repayments that fell due.")
    accrued = models.PositiveIntegerField(default=0, help_text="Loans whose interest of a month was accrued.")
    late_fees = models.PositiveIntegerField(default=0)
    reminders = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = NightlyRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="nightly_run_once", fields=["business_date"]),
            models.CheckConstraint(
                name="nightly_run_finished_when_done",
                condition=Q(status=RunStatus.RUNNING, finished_at=None)
                | Q(status=RunStatus.DONE, finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"nightly work of {self.business_date}"
