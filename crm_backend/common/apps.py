"""Configuration of what is shared."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """No models; it owns the database extensions."""

    name = "crm_backend.common"
