"""Bulk import of leads: `columns` (the file), `rows` (checking one), `running` (the job)."""
