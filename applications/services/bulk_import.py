"""Creating an application once for each reference of its importer."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from applications.models import Application
from applications.services.cascade import application_create_with_cascade


def application_import(
    *, actor: Any, client_reference: str, application: Mapping[str, Any], **parts: Any
) -> tuple[Application, bool]:
    """Create an application, unless this importer has one of that reference; return it and whether it is new.

    Imports of one person wait for each other here until the transaction ends, so that two at once cannot
    both find a reference free.

    Raises:
        InvalidInput: see `application_create`; nothing is written then.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            lock = f"applications.bulk_import:{actor.pk}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        existing = Application.objects.filter(created_by=actor, client_reference=client_reference).first()
        if existing is not None:
            return existing, False
        fields = {**application, "client_reference": client_reference}
        return application_create_with_cascade(actor=actor, application=fields, **parts), True
