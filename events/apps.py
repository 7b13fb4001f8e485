"""Configuration of the events app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EventsConfig(AppConfig):
    """Loads every app's `events` module, so that the registry is complete."""

    name = "events"

    def ready(self) -> None:
        """Fill the registry and the list of projections."""
        autodiscover_modules("events", "projections")
