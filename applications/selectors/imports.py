"""What an importer has imported before."""

from collections.abc import Collection
from typing import Any

from applications.models import Application


def imported_before(*, actor: Any, references: Collection[str]) -> dict[str, Application]:
    """The applications that this importer has under these references."""
    found = Application.objects.filter(created_by=actor, client_reference__in=references)
    return {application.client_reference: application for application in found.only(*_SHOWN)}


_SHOWN = ("client_reference", "reference_number")
