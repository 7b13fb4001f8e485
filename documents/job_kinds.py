"""Kinds of jobs of this app."""

from documents.services.batches import KIND, REPORT_COLUMNS, batch_work
from jobs.registry import JobKind, register

register(JobKind(KIND, "Upload of documents", run=batch_work, columns=REPORT_COLUMNS, can_retry=True))
