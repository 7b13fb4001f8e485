"""Kinds of jobs of this app."""

from documents.services import batches, letters
from jobs.registry import JobKind, register

register(
    JobKind(
        batches.KIND,
        "Upload of documents",
        run=batches.batch_work,
        columns=batches.REPORT_COLUMNS,
        can_retry=True,
    )
)
register(JobKind(letters.KIND, "Letter", run=letters.letter_make, can_retry=True))
