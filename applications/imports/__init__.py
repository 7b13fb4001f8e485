"""Bulk import of applications: `columns` (the file), `rows` (checking one), `running` (the job)."""
