"""The project: settings, entry points and what every app shares (`common`)."""

from crm_backend.celery import app as celery_app

__all__ = ["celery_app"]
