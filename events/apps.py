"""Configuration of the events app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EventsConfig(AppConfig):
    """Loads every app's `events` and `guards` modules, so that the registry and the guards are complete."""

    name = "events"

    def ready(self) -> None:
        """Fill the registry and the lists of projections and guards."""
        autodiscover_modules("events", "projections", "guards")
