"""The app, and what it asks of stages."""

from django.apps import AppConfig


class ServicingConfig(AppConfig):
    """Servicing."""

    name = "servicing"

    def ready(self) -> None:
        """Have stages ask for what this app knows."""
        from servicing.services import guards

        guards.register()
