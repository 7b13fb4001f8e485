"""Configuration of the borrowers app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class BorrowersConfig(AppConfig):
    """Loads every app's `merge_links`, so that a merge knows all that refers to a borrower."""

    name = "borrowers"

    def ready(self) -> None:
        """Fill the registry."""
        autodiscover_modules("merge_links")
