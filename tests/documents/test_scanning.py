"""The scan for malware: nobody downloads what was not scanned, or what was found."""

import pytest

from documents.models import DocumentVersion
from documents.services.documents import version_add
from documents.services.reading import version_read, versions_recover
from events.models import Event
from tests.checks import assert_refused
from tests.documents import makers
from tests.documents.fake_clamd import VIRUS, FakeClamd

pytestmark = pytest.mark.django_db

BAD = makers.pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%" + VIRUS + b"\n")


@pytest.fixture
def clamd(settings):
    with FakeClamd() as server:
        settings.SCAN_URL = server.url
        yield server


def at(document, rest=""):
    return f"/api/documents/documents/{document.pk}/{rest}"


def test_a_clean_file_is_downloaded_once_it_was_scanned(world, api, clamd):
    document = makers.document_of(world.ours.application, world.ours.broker_user)
    client = api(world.ours.broker_user)
    assert_refused(client.get(at(document, "download/")), 409, "not_scanned_yet")
    version_read(document.current.pk)
    assert clamd.scanned == [len(makers.pdf())]
    reply = client.get(at(document, "download/"))
    assert b"".join(reply.streaming_content) == makers.pdf()
    version_read(document.current.pk)
    assert len(clamd.scanned) == 1


def test_what_was_found_is_quarantined_and_the_version_before_is_current_again(world, api, clamd):
    document = makers.document_of(world.ours.application, world.ours.client_user)
    version_read(document.current.pk)
    bad = version_add(document=document, actor=world.ours.client_user, file=makers.kept(BAD))
    version_read(bad.pk)
    document.refresh_from_db()
    assert document.current.number == 1
    client = api(world.admin)
    refused = client.get(at(document, "versions/2/download/"))
    assert_refused(refused, 409, "quarantined")
    listed = client.get(at(document, "versions/")).json()["results"]
    assert [(row["number"], row["status"], row["problem"]) for row in listed] == [
        (2, "quarantined", "Found: Win.Test.EICAR_HDB-1"),
        (1, "ready", ""),
    ]
    event = Event.objects.get(type="document.quarantined")
    told = {world.admin.pk, world.ours.bd_user.pk, world.ours.broker_user.pk, world.ours.client_user.pk}
    assert set(event.recipients) == told


def test_the_only_version_leaves_a_document_without_a_current_one(world, api, clamd):
    document = makers.document_of(world.ours.application, world.admin, BAD)
    version_read(document.current.pk)
    client = api(world.admin)
    assert client.get(at(document)).json()["current"] is None
    assert_refused(client.get(at(document, "download/")), 409, "quarantined")
    good = version_add(document=document, actor=world.admin, file=makers.kept())
    assert client.get(at(document)).json()["current"]["number"] == good.number == 2


def test_a_scanner_that_is_away_is_asked_again_and_lets_nothing_pass(world, api, clamd, settings):
    document = makers.document_of(world.ours.application, world.admin)
    there, settings.SCAN_URL = settings.SCAN_URL, "clamd://127.0.0.1:1"
    for _ in range(5):
        version_read(document.current.pk)
        DocumentVersion.objects.update(lease_until="2020-01-01T00:00Z")
    assert_refused(api(world.admin).get(at(document, "download/")), 409, "not_scanned_yet")
    settings.SCAN_URL = there
    assert versions_recover() == 1
    version_read(document.current.pk)
    assert DocumentVersion.objects.get().status == "ready"


def test_a_file_beyond_the_scanners_limit_is_not_taken_for_clean(world, clamd):
    document = makers.document_of(world.ours.application, world.admin)
    clamd.most = 10
    version_read(document.current.pk)
    assert DocumentVersion.objects.get().scanned_at is None


def test_what_nobody_can_read_is_given_up_but_scanned(world, clamd):
    document = makers.document_of(world.ours.application, world.admin)
    DocumentVersion.objects.update(attempts=3, lease_until="2020-01-01T00:00Z")
    version_read(document.current.pk)
    version = DocumentVersion.objects.get()
    assert (version.status, version.problem) == ("ready", "This file could not be read.")
    assert version.scanned_at is not None
