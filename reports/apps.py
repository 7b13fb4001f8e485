"""Configuration of the reports app."""

from django.apps import AppConfig

from reports.registry import load


class ReportsConfig(AppConfig):
    """Loads every report, so that the list is complete."""

    name = "reports"

    def ready(self) -> None:
        """Fill the list."""
        load()
