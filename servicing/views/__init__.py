"""Views: `schedules` (the preview)."""
