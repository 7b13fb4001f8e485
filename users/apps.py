"""Configuration of users."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class UsersConfig(AppConfig):
    """Loads every app's `acquaintances`, so that it is known who shares something with whom."""

    name = "users"

    def ready(self) -> None:
        """Fill the list."""
        autodiscover_modules("acquaintances")
