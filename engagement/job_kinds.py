"""Kinds of jobs of this app."""

from engagement.imports.running import KIND, REPORT_COLUMNS, import_leads
from jobs.registry import JobKind, register

register(JobKind(KIND, "Import of leads", run=import_leads, columns=REPORT_COLUMNS))
