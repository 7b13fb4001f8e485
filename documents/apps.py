"""The app, and what it asks of stages."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Documents."""

    name = "documents"

    def ready(self) -> None:
        """Have stages ask for what this app knows."""
        from documents.services import guards

        guards.register()
