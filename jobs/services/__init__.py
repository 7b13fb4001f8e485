"""Writes: `lifecycle` (from queued to finished, and the sweep), `running` (what a worker does)."""
