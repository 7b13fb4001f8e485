"""Configuration of the jobs app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    """Loads every app's `job_kinds` module, so that the registry is complete."""

    name = "jobs"

    def ready(self) -> None:
        """Fill the registry."""
        autodiscover_modules("job_kinds")
