"""Configuration of the installation's own pages."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """No models; pages, health, and the reference documents."""

    name = "crm_backend.site"
