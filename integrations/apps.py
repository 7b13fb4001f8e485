"""Configuration of the integrations app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class IntegrationsConfig(AppConfig):
    """Loads every app's `gateway_channels` module, so that the registry is complete."""

    name = "integrations"

    def ready(self) -> None:
        """Fill the registry."""
        autodiscover_modules("gateway_channels")
