"""What an importer has imported before."""

from collections.abc import Collection
from typing import Any

from applications.models import Application


def imported_before(*, actor: Any, references: Collection[str]) -> dict[str, Application | None]:
    """The applications that this importer has under these references; None for what they no longer see."""
    mine = Application.objects.filter(created_by=actor, client_reference__in=references)
    visible = Application.objects.visible_to(actor).filter(pk__in=mine.values("pk"))
    shown = {application.client_reference: application for application in visible.only(*_SHOWN)}
    return {reference: shown.get(reference) for reference in mine.values_list("client_reference", flat=True)}


_SHOWN = ("client_reference", "reference_number")
