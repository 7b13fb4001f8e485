"""Scheduled work."""

from time import monotonic
from typing import Any

import structlog
from celery import shared_task
from redis.exceptions import RedisError

from reports.choices import FileFormat
from reports.live import tell_of_cells
from reports.models import SavedReport
from reports.paper.forms import content_of
from reports.selectors.contributions import ChangedCell
from reports.serializers.kept import reading_of
from reports.services.files import files_delete_expired
from reports.services.rollups import rollups_check_nightly, rollups_refresh
from reports.services.schedules import files_make_pending, schedules_run_due

logger = structlog.get_logger(__name__)

REFRESH_TASK = "reports.tasks.refresh_rollups"
# Well below the time limit of tasks; what is left is for the next time.
SECONDS = 200
# The cells of a rebuild are made in one go: minutes of a large book. Below the broker's visibility timeout.
LONGEST = 3000


@shared_task(name=REFRESH_TASK, soft_time_limit=LONGEST, time_limit=LONGEST + 60)
def refresh_rollups() -> int:
    """Count again what is due; woken by the dispatcher, and by beat as the sweep."""
    end = monotonic() + SECONDS
    return rollups_refresh(may_go_on=lambda: monotonic() < end, tell=_tell, waits=False)


def _tell(cells: set[ChangedCell]) -> None:
    """Open dashboards read again; what they are not told of they show with the next change."""
    try:
        tell_of_cells(cells)
    except RedisError as error:
        logger.warning("reports.tell_failed", error=type(error).__name__)


@shared_task(name="reports.tasks.check_rollups")
def check_rollups() -> bool:
    """Compare the rollups with the rows, once after each nightly run; beat calls it."""
    return rollups_check_nightly()


@shared_task(name="reports.tasks.run_schedules")
def run_schedules() -> int:
    """Make the scheduled reports whose time has come; beat calls it. How many files were made."""
    end = monotonic() + SECONDS
    schedules_run_due(check=reading_of)
    return files_make_pending(make=file_of, may_go_on=lambda: monotonic() < end)


def file_of(report: SavedReport, reader: Any, form: FileFormat) -> bytes:
    """The file of a saved report, with the figures of its reader."""
    return content_of(form, reading_of(report, reader).paper())


@shared_task(name="reports.tasks.delete_expired_files")
def delete_expired_files() -> int:
    """Delete files of reports whose time is over; beat calls it."""
    return files_delete_expired()
