"""Keeping what passed between people."""

from typing import Any

from django.db import transaction

from crm_backend.common.models import save_changes
from engagement.events import InteractionDeleted, InteractionLogged, InteractionUpdated
from engagement.models import Interaction
from engagement.selectors import place_of
from events.services import emit


def interaction_log(*, author: Any, **fields: Any) -> Interaction:
    """Keep what passed; the timeline of the lead, the borrower or the application shows it."""
    with transaction.atomic():
        interaction = Interaction.objects.create(author=author, **fields)
        payload = InteractionLogged(
            interaction_id=interaction.pk,
            kind=interaction.kind,
            kind_display=interaction.get_kind_display(),
            author_name=author.full_name,
            title=interaction.subject,
        )
        emit(payload, actor=author, **place_of(interaction))
    return interaction


def interaction_update(*, interaction: Interaction, actor: Any, **fields: Any) -> Interaction:
    """Edit what was kept; call it with the row locked."""
    if changed := save_changes(interaction, fields):
        payload = InteractionUpdated(interaction_id=interaction.pk, field_names=", ".join(changed))
        emit(payload, actor=actor, **place_of(interaction))
    return interaction


def interaction_delete(*, interaction: Interaction, actor: Any) -> None:
    """Delete it; call it with the row locked."""
    emit(InteractionDeleted(interaction_id=interaction.pk), actor=actor, **place_of(interaction))
    interaction.delete()
