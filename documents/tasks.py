"""Celery's entries to the work of this app."""

from celery import shared_task

from documents import mail
from documents.services import files, notes, outside, reading, sealing, signature_requests
from documents.wake import PROCESS_TASK, SIGNING_TASK
from servicing.dates import business_date


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


@shared_task(name="documents.tasks.remind_of_notes")
def remind_of_notes() -> int:
    """Remind of the notes whose day has come; beat calls it."""
    return notes.notes_remind(business_date())


@shared_task(name=SIGNING_TASK)
def go_on_with_signatures() -> None:
    """Whatever signatures wait for: files to seal, providers to tell, mails to send; woken, and by beat."""
    sealing.requests_seal()
    outside.requests_push()
    mail.mails_send_due()


@shared_task(name="documents.tasks.end_signature_requests")
def end_signature_requests() -> int:
    """End requests for signatures whose time is over, and forget old messages; beat calls it."""
    outside.deliveries_forget()
    return signature_requests.requests_expire()
