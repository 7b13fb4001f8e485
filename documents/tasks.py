"""Celery's entries to reading files, and to what is left of them."""

from celery import shared_task

from documents.services import files, reading
from documents.wake import PROCESS_TASK


@shared_task(name=PROCESS_TASK)
def process_version(version_id: int) -> None:
    """Scan and read one version; one that is taken or done is left alone."""
    reading.version_read(version_id)


@shared_task(name="documents.tasks.recover_versions")
def recover_versions() -> int:
    """Tell workers again of versions that nobody reads; beat calls it."""
    return reading.versions_recover()


@shared_task(name="documents.tasks.clean_up_files")
def clean_up_files() -> int:
    """Delete files that no document shows; beat calls it."""
    return files.files_clean_up()
