"""Base models and columns that several apps share."""

from django.db import models


class TimestampedModel(models.Model):
    """When the row was made and last changed, UTC."""

    created_at = models.DateTimeField(auto_now_add=True, db_index=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
