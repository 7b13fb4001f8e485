"""Many files at once: kept in the request, looked at one by one in a job.

What came of a file is written in the transaction of its document, so a job that is repeated goes on where it
stopped. One that is refused leaves the others alone.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.db import transaction

from applications.models import Application
from documents.choices import BatchOutcome, DocumentKind
from documents.content.errors import UnknownFormat, UnsafeContent
from documents.content.formats import Format
from documents.content.inspection import inspection
from documents.events import BatchAdded, PartnersBatchAdded
from documents.models import Batch, BatchFile, Document, StoredFile
from documents.names import clean_name
from documents.services.documents import document_create, name_of, readers_of
from documents.services.reading import version_read
from documents.storage import document_storage
from events.services import emit
from jobs.models import JobRow
from jobs.registry import Done, JobFailed
from jobs.services.lifecycle import job_create
from jobs.services.running import Run

KIND = "documents.batch"
REPORT_COLUMNS = ("name", "document")
# What a file is taken for until a worker has looked at it.
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Arrival:
    """A file of a request: where it is, or why it was refused at once."""

    name: str
    file: StoredFile | None = None
    errors: tuple[str, ...] = ()


def batch_create(
    *, application: Application, actor: Any, arrivals: Sequence[Arrival], **fields: Any
) -> Batch:
    """Write down what came, and queue the job that looks at it.

    Raises:
        TooManyJobs: the caller has as many unfinished ones as one may have.
    """
    with transaction.atomic():
        batch = Batch.objects.create(application=application, created_by=actor, **fields)
        BatchFile.objects.bulk_create(
            BatchFile(
                batch=batch,
                position=position,
                name=clean_name(arrival.name),
                file=arrival.file,
                outcome=BatchOutcome.REFUSED if arrival.errors else BatchOutcome.WAITING,
                errors=list(arrival.errors),
            )
            for position, arrival in enumerate(arrivals)
        )
        parameters = {"batch": batch.pk, "application": application.pk, "files": len(arrivals)}
        batch.job = job_create(kind=KIND, actor=actor, parameters=parameters)
        batch.save(update_fields=["job"])
    return batch


def batch_work(run: Run) -> Done:
    """Handler of the job kind."""
    rows = Batch.objects.select_related("application", "created_by")
    batch = rows.filter(pk=run.job.parameters["batch"]).first()
    if batch is None:
        raise JobFailed("The application is gone.")
    actor = batch.created_by
    if not Application.objects.visible_to(actor).filter(pk=batch.application_id).exists():
        raise JobFailed("You do not see this application any more.")
    files = list(batch.files.select_related("file", "document").order_by("position"))
    for place, file in enumerate(files):
        run.advance(done=place, total=len(files), counts=_counts(files), message=file.name)
        _take(run, batch, file)
        if file.document is not None and file.document.current_id is not None:
            version_read(file.document.current_id, by_its_job=True)
    counts = _counts(files)
    run.advance(done=len(files), total=len(files), counts=counts)
    _tell(run, batch, counts)
    kept, refused = counts.get(BatchOutcome.KEPT, 0), counts.get(BatchOutcome.REFUSED, 0)
    message = f"{kept} of {len(files)} files kept."
    return Done(message, {"batch": batch.pk, "kept": kept, "refused": refused})


def _take(run: Run, batch: Batch, file: BatchFile) -> None:
    """Look at a file that waits, and make a document of it or refuse it."""
    form, error = (None, "") if file.file is None else _looked_at(file.file, file.name)
    with transaction.atomic():
        run.hold()
        if form is not None:
            _keep(batch, file, form)
        elif file.file is not None:
            file.outcome, file.file, file.errors = BatchOutcome.REFUSED, None, [error]
            file.save(update_fields=["outcome", "file", "errors"])
        data = {"name": file.name, "document": file.document_id}
        JobRow.objects.get_or_create(
            job=run.job,
            number=file.position + 1,
            defaults={
                "outcome": file.outcome,
                "data": data,
                "errors": {"file": file.errors} if file.errors else {},
            },
        )


def _looked_at(stored: StoredFile, name: str) -> tuple[Format | None, str]:
    """The format of a file, or why it is refused."""
    with document_storage().open(stored.key) as opened:
        content = cast(Any, opened)
        if hashlib.file_digest(content, "sha256").hexdigest() != stored.sha256:
            return None, "This file was damaged on its way. Send it again."
        try:
            return inspection.format_of(content, name=name, allowed=settings.DOCUMENT_FORMATS), ""
        except UnknownFormat as error:
            return None, f"The content of this file is of no accepted format. {error}"
        except UnsafeContent as error:
            return None, str(error)


def _keep(batch: Batch, file: BatchFile, form: Format) -> None:
    stored = file.file
    assert stored is not None
    stored.content_type = form.content_type
    stored.save(update_fields=["content_type"])
    file.document = document_create(
        application=batch.application,
        actor=batch.created_by,
        file=stored,
        name=clean_name(file.name, extension=form.extension),
        kind=DocumentKind(batch.kind),
        visible_to_client=batch.visible_to_client,
        is_told=False,
    )
    file.outcome, file.file = BatchOutcome.KEPT, None
    file.save(update_fields=["outcome", "file", "document"])


def _tell(run: Run, batch: Batch, counts: dict[str, int]) -> None:
    """One word to those on the application, instead of one for each file; once, however often it runs."""
    kept = counts.get(BatchOutcome.KEPT, 0)
    with transaction.atomic():
        run.hold()
        told = Batch.objects.filter(pk=batch.pk, told=False).update(told=True)
        if not told or not kept:
            return
        payload = BatchAdded if batch.visible_to_client else PartnersBatchAdded
        emit(
            payload(
                reference=batch.application.reference_number,
                batch_id=batch.pk,
                count=kept,
                actor_name=name_of(batch.created_by),
            ),
            actor=batch.created_by,
            subject=batch,
            application_id=batch.application_id,
            recipients=readers_of(
                Document(application=batch.application, visible_to_client=batch.visible_to_client)
            ),
        )


def _counts(files: Sequence[BatchFile]) -> dict[str, int]:
    return dict(Counter(str(file.outcome) for file in files))
