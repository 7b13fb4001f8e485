"""The app, and what the apps above it count of the lender's people."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ApplicationsConfig(AppConfig):
    """Loads every app's `workloads`, so that the team's pages know all that somebody has at hand."""

    name = "applications"

    def ready(self) -> None:
        """Fill the registry."""
        autodiscover_modules("workloads")
