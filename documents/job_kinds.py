"""Kinds of jobs of this app."""

from documents.services.letters import KIND, letter_make
from jobs.registry import JobKind, register

register(JobKind(KIND, "Letter", run=letter_make))
