"""Bulk imports of any app: `columns` (a file), `rows` (checking one), `running` (the job)."""
