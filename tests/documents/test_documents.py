"""Documents and versions below HTTP: what is kept, which one is current, and what a crash leaves."""

import hashlib
import io
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from documents.models import Document, DocumentVersion, DocumentWords, StoredFile
from documents.services import documents, files
from documents.storage import document_storage
from events.models import Event

PDF = b"%PDF-1.4 and some more"


def kept(content=PDF):
    return files.file_keep(content=content, content_type="application/pdf")


def create(world, **fields):
    given = {"name": "Offer.pdf", "file": None, **fields}
    given["file"] = given["file"] or kept()
    return documents.document_create(
        application=world.ours.application, actor=world.ours.broker_user, **given
    )


@pytest.mark.parametrize("content", [PDF, io.BytesIO(PDF)], ids=["bytes", "file"])
def test_bytes_and_files_are_kept_as_they_are(db, content):
    stored = kept(content)
    assert (stored.size, stored.sha256) == (len(PDF), hashlib.sha256(PDF).hexdigest())
    assert b"".join(document_storage().parts(stored.key, 0, stored.size)) == PDF
    assert b"".join(document_storage().parts(stored.key, 5, 8)) == PDF[5:8]


def test_a_file_is_not_kept_inside_a_transaction(transactional_db):
    with transaction.atomic(), pytest.raises(RuntimeError):
        kept()
    assert not StoredFile.objects.exists()


def test_the_readers_of_a_document_are_told(world):
    document = create(world)
    event = Event.objects.get(subject_type="document", subject_id=document.pk)
    assert event.type == "document.uploaded_for_partners"
    assert set(event.recipients) == {world.admin.pk, world.ours.bd_user.pk}
    shown = create(world, visible_to_client=True)
    event = Event.objects.get(subject_type="document", subject_id=shown.pk)
    assert event.type == "document.uploaded"
    assert set(event.recipients) == {world.admin.pk, world.ours.bd_user.pk, world.ours.client_user.pk}


def test_the_latest_version_is_current(world):
    document = create(world)
    second = documents.version_add(document=document, actor=world.admin, file=kept(b"%PDF-1.7"))
    document.refresh_from_db()
    assert document.current == second
    assert list(document.versions.order_by("number").values_list("number", "name")) == [
        (1, "Offer.pdf"),
        (2, "Offer.pdf"),
    ]


def test_a_document_goes_with_its_versions_and_files(world, django_capture_on_commit_callbacks):
    document = create(world)
    documents.version_add(document=document, actor=world.admin, file=kept())
    keys = list(StoredFile.objects.values_list("key", flat=True))
    with django_capture_on_commit_callbacks(execute=True):
        documents.document_delete(document=document, actor=world.admin)
    assert not Document.objects.exists()
    assert not DocumentVersion.objects.exists()
    assert not StoredFile.objects.exists()
    assert [key for key in keys if document_storage().exists(key)] == []


def test_the_clean_up_deletes_what_nobody_shows_after_an_hour(world):
    shown, fresh, old = create(world), kept(), kept()
    StoredFile.objects.exclude(pk=fresh.pk).update(created_at=timezone.now() - timedelta(minutes=61))
    assert files.files_clean_up() == 1
    left = set(StoredFile.objects.values_list("pk", flat=True))
    assert left == {shown.current.file.pk, fresh.pk}
    assert not document_storage().exists(old.key)
    assert document_storage().exists(shown.current.file.key)


def test_a_row_whose_file_never_came_is_cleaned_up(db):
    StoredFile.objects.create(key="2026/01/never", content_type="application/pdf")
    StoredFile.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert files.files_clean_up() == 1
    assert not StoredFile.objects.exists()


def test_a_document_is_found_by_title_name_and_text(world):
    document = create(world, title="Valuation of the farm", name="bericht_2026.pdf")

    def finds(query):
        return DocumentWords.objects.extra(
            where=["words @@ to_tsquery('simple', %s)"], params=[query]
        ).exists()

    assert finds("farm")
    assert finds("bericht")
    document.current.text = "Kalgoorlie"
    document.current.save()
    documents.words_renew(document)
    assert finds("kalgoor:*")


def test_texts_of_endless_different_words_are_found_by_their_beginning(world):
    document = create(world)
    document.current.text = " ".join(f"w{n}" for n in range(200_000))
    document.current.save()
    documents.words_renew(document)
    with connection.cursor() as cursor:
        cursor.execute("SELECT words @@ to_tsquery('simple', 'w77') FROM documents_documentwords")
        assert cursor.fetchone() == (True,)
