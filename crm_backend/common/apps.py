"""Configuration of what is shared."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """It owns the database extensions, and the replies that are kept for repeated requests."""

    name = "crm_backend.common"
