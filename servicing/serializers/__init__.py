"""Shapes: `schedules` (terms and instalments)."""
