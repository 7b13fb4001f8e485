"""Telling BDMs of open applications that do not move."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from applications.choices import Stage
from applications.events import StageUnchanged
from applications.models import Application
from applications.stages import OPEN
from events.services import emit
from users.choices import AccountStatus

AT_ONCE = 200


def applications_unchanged(now: datetime) -> QuerySet[Application]:
    """Open ones, in their stage for `STAGE_UNCHANGED_DAYS`, whose BDM was not told of that yet."""
    untold = Q(stage_told_for=None) | Q(stage_told_for__lt=F("stage_entered_at"))
    return Application.objects.filter(
        untold,
        stage__in=(*OPEN, Stage.MORE_INFO_REQUIRED),
        stage_entered_at__lte=now - timedelta(days=settings.STAGE_UNCHANGED_DAYS),
        # Without one there is nobody to tell: whoever gets it later is told then.
        bd__user__status=AccountStatus.ACTIVE,
    )


def unchanged_stages_tell() -> int:
    """Tell the BDM of each, once for each stay in a stage; how many there were.

    Each is marked in the transaction of its event: a run that is repeated, killed or late tells once.
    """
    told = 0
    while True:
        with transaction.atomic():
            now = timezone.now()
            due = applications_unchanged(now).order_by("stage_entered_at", "pk").select_related("bd")
            rows = list(due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:AT_ONCE])
            for application in rows:
                _tell(application, now)
        told += len(rows)
        if len(rows) < AT_ONCE:
            return told


def _tell(application: Application, now: datetime) -> None:
    assert application.bd is not None
    entered = application.stage_entered_at
    Application.objects.filter(pk=application.pk).update(stage_told_for=entered)
    emit(
        StageUnchanged(
            reference=application.reference_number,
            stage=application.stage,
            stage_display=application.get_stage_display(),
            since=entered.astimezone(ZoneInfo(settings.BUSINESS_TIME_ZONE)).date().isoformat(),
            days=(now - entered).days,
        ),
        actor=None,
        subject=application,
        application_id=application.pk,
        recipients=[application.bd.user_id],
    )
