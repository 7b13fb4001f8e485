"""Documents and their versions."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from applications.models import Application
from applications.selectors.applications import people_of
from crm_backend.common.models import save_changes
from documents.choices import DocumentKind, VersionStatus
from documents.events import (
    DocumentDeleted,
    DocumentUpdated,
    DocumentUploaded,
    PartnersDocumentUploaded,
    PartnersVersionAdded,
    VersionAdded,
)
from documents.models import Document, DocumentVersion, StoredFile
from documents.names import clean_name
from documents.services.files import file_discard
from documents.services.words import words_renew
from documents.wake import wake_reader
from events.services import emit
from users.choices import Role
from users.models import User

# When the sweep looks whether a worker has heard of a version, and whether a batch's job came to it.
TELL_AGAIN_AFTER = timedelta(seconds=30)
OTHERS_READ_WITHIN = timedelta(hours=1)


def document_create(
    *,
    application: Application,
    actor: Any | None,
    file: StoredFile,
    name: str,
    title: str = "",
    kind: DocumentKind = DocumentKind.OTHER,
    visible_to_client: bool = False,
    is_told: bool = True,
    **fields: Any,
) -> Document:
    """Add a document with its first version, and tell those on the application who may read it.

    `file` is what `file_keep` returned. Of `name` only the last part is kept, and without a title the
    document is called by it. One of many is told of by who adds them, and read by them (`is_told`).
    """
    name = clean_name(name)
    with transaction.atomic():
        document = Document.objects.create(
            application=application,
            created_by=actor,
            title=title or name.rpartition(".")[0] or name,
            kind=kind,
            visible_to_client=visible_to_client,
            **fields,
        )
        _put_on_top(document, actor=actor, file=file, name=name, is_woken=is_told)
        payload = DocumentUploaded if visible_to_client else PartnersDocumentUploaded
        emit(
            payload(
                reference=application.reference_number,
                document_id=document.pk,
                title=document.title,
                kind=document.kind,
                kind_display=document.get_kind_display(),
                actor_name=name_of(actor),
            ),
            actor=actor,
            subject=document,
            application_id=application.pk,
            recipients=readers_of(document) if is_told else (),
        )
    return document


def version_add(
    *, document: Document, actor: Any | None, file: StoredFile, name: str = "", note: str = ""
) -> DocumentVersion:
    """Add a version, which is the current one from now on; the name stays when none is given.

    Two at once wait for each other at the document's row: the later one is current.
    """
    with transaction.atomic():
        rows = Document.objects.lock().select_related("application", "current")
        document = rows.defer("current__text", "current__thumbnail").get(pk=document.pk)
        name = clean_name(name or (document.current.name if document.current else document.title))
        version = _put_on_top(document, actor=actor, file=file, name=name, note=note)
        payload = VersionAdded if document.visible_to_client else PartnersVersionAdded
        emit(
            payload(
                reference=document.application.reference_number,
                document_id=document.pk,
                title=document.title,
                number=version.number,
                actor_name=name_of(actor),
            ),
            actor=actor,
            subject=document,
            application_id=document.application_id,
            recipients=readers_of(document),
        )
    return version


def document_update(*, document: Document, actor: Any, **fields: Any) -> Document:
    """Edit what is said of a document; call it with the row locked."""
    with transaction.atomic():
        if changed := save_changes(document, fields):
            if "title" in changed:
                words_renew(document)
            emit(
                DocumentUpdated(
                    reference=document.application.reference_number,
                    document_id=document.pk,
                    field_names=", ".join(changed),
                ),
                actor=actor,
                subject=document,
                application_id=document.application_id,
            )
    return document


def document_delete(*, document: Document, actor: Any) -> None:
    """Delete a document with all its versions; call it with the row locked. The files go after the commit."""
    files = list(StoredFile.objects.filter(version__document=document))
    with transaction.atomic():
        emit(
            DocumentDeleted(
                reference=document.application.reference_number,
                document_id=document.pk,
                title=document.title,
            ),
            actor=actor,
            subject=document,
            application_id=document.application_id,
        )
        document.delete()
        for file in files:
            transaction.on_commit(partial(file_discard, stored=file), robust=True)


def readers_of(document: Document) -> Any:
    """The active users on the application who may read the document."""
    roles = [Role.ADMIN, Role.BD, Role.BROKER]
    if document.visible_to_client:
        roles.append(Role.CLIENT)
    return User.objects.active().filter(pk__in=people_of(document.application), role__in=roles)


def name_of(actor: Any | None) -> str:
    """Who did it, for people to read."""
    return actor.full_name if actor else "The system"


def _put_on_top(
    document: Document,
    *,
    actor: Any | None,
    file: StoredFile,
    name: str,
    note: str = "",
    is_woken: bool = True,
) -> DocumentVersion:
    """Write the next version; the document is new or its row is locked."""
    last = document.versions.aggregate(last=Max("number"))["last"] or 0
    version = DocumentVersion.objects.create(
        document=document,
        number=last + 1,
        file=file,
        name=name,
        note=note,
        status=VersionStatus.PROCESSING,
        created_by=actor,
        lease_until=timezone.now() + (TELL_AGAIN_AFTER if is_woken else OTHERS_READ_WITHIN),
    )
    document.current = version
    document.save(update_fields=["current", "updated_at"])
    words_renew(document)
    if is_woken:
        transaction.on_commit(partial(wake_reader, version.pk), robust=True)
    return version
