"""Kinds of jobs of this app."""

from applications.imports.running import KIND, REPORT_COLUMNS, import_applications
from jobs.registry import JobKind, register

register(JobKind(KIND, "Import of applications", run=import_applications, columns=REPORT_COLUMNS))
