"""Base models and columns that several apps share."""

from collections.abc import Mapping
from typing import Any

from django.db import models


class TimestampedModel(models.Model):
    """When the row was made and last changed, UTC."""

    created_at = models.DateTimeField(auto_now_add=True, db_index=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def changed_names(row: models.Model, values: Mapping[str, Any]) -> list[str]:
    """The names, sorted, of the values that differ from the row's."""
    return sorted(name for name, value in values.items() if getattr(row, name) != value)


def save_changes(row: TimestampedModel, values: Mapping[str, Any]) -> list[str]:
    """Set and save what differs; return the names, for the event that tells of it."""
    changed = changed_names(row, values)
    if changed:
        for name in changed:
            setattr(row, name, values[name])
        row.save(update_fields=[*changed, "updated_at"])
    return changed
