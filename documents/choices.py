"""Who a note is for."""

from django.db import models


class NoteVisibility(models.TextChoices):
    """How far a note reaches; each level includes those before it."""

    INTERNAL = "internal", "Lender's staff"
    BROKER = "broker", "Staff and broker"
    CLIENT = "client", "Staff, broker and client"
