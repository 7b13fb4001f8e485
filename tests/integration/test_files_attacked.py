"""What somebody would try who means no good, or is only unlucky: uploads, letters, batches, signatures."""

import io
import zipfile
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from documents.choices import VersionStatus
from documents.models import Batch, Document, DocumentVersion
from documents.services.documents import document_delete
from documents.services.reading import version_read
from jobs.models import Job
from jobs.services.running import job_run
from tests.checks import assert_refused
from tests.documents import makers
from tests.documents.signing import document_of, request_of, token_for
from tests.documents.test_active_pdfs import ACTIVE
from tests.writes import nothing_written

URL = "/api/documents/documents/"
BATCHES = "/api/documents/batches/"
OUTSIDER = "olga@example.org"
TYPED = {"consent": True, "typed_name": "Bea Borrower"}


def upload(client, application, content, name="offer.pdf", **fields):
    body = {"application": application.pk, "file": makers.upload(content, name), **fields}
    return client.post(URL, body, format="multipart")


def batch(client, application, *files):
    return client.post(BATCHES, {"application": application.pk, "files": list(files)}, format="multipart")


def of_size(size):
    """A PDF of exactly so many bytes."""
    content = makers.pdf()
    return content[:-6] + b" " * (size - len(content)) + b"%%EOF\n"


# --- uploads ----------------------------------------------------------------------------------


def test_a_pdf_with_a_script_is_refused_wherever_it_comes_in(world, api):
    client = api(world.ours.broker_user)
    content = ACTIVE["opening"]
    with nothing_written():
        reply = upload(client, world.ours.application, content)
    assert_refused(reply, 415, "unsafe_file", file=[reply.json()["detail"]])
    assert "script" in reply.json()["detail"]
    document = makers.document_of(world.ours.application, world.ours.broker_user)
    reply = client.post(
        f"{URL}{document.pk}/create-version/", {"file": makers.upload(content)}, format="multipart"
    )
    assert_refused(reply, 415, "unsafe_file", file=[reply.json()["detail"]])
    made = batch(client, world.ours.application, makers.upload(content), makers.upload()).json()
    job_run(made["job"])
    files = client.get(f"{BATCHES}{made['id']}/").json()["files"]
    assert [one["outcome"] for one in files] == ["refused", "kept"]
    assert "script" in files[0]["errors"][0]


def test_a_file_as_large_as_one_may_be_is_taken_and_one_byte_more_is_not(world, api, settings):
    settings.DOCUMENT_MAX_BYTES = 100_000
    client = api(world.ours.broker_user)
    assert upload(client, world.ours.application, of_size(100_000)).status_code == 201
    with nothing_written():
        reply = upload(client, world.ours.application, of_size(100_001))
    assert_refused(reply, 413, "file_too_large", file=["At most 0 MB."])


def test_as_many_files_as_there_may_be_are_taken_and_one_more_is_not(world, api, settings):
    settings.DOCUMENT_BATCH_FILES = 3
    client = api(world.ours.broker_user)

    def files(count):
        return [makers.upload(name=f"{n}.pdf") for n in range(count)]

    with nothing_written():
        assert_refused(batch(client, world.ours.application, *files(4)), 413, "too_many_files")
    assert batch(client, world.ours.application, *files(3)).status_code == 202


@pytest.mark.parametrize("url", [URL, BATCHES])
def test_text_where_a_file_belongs_is_no_file(world, api, url):
    name, client = "file" if url == URL else "files", api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(url, {"application": world.ours.application.pk, name: "text"}, format="multipart")
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [name])


def test_a_photograph_of_an_iphone_is_a_document_with_a_thumbnail(
    world,
    api,
):
    client = api(world.ours.client_user)
    reply = upload(client, world.ours.application, makers.picture("HEIF"), "IMG_0001.HEIC")
    assert (reply.status_code, reply.json()["current"]["content_type"]) == (201, "image/heic")
    version_read(DocumentVersion.objects.get().pk)
    current = client.get(f"{URL}{reply.json()['id']}/").json()["current"]
    assert (current["status"], current["has_thumbnail"], current["pages"]) == ("ready", True, 1)


# --- archives ---------------------------------------------------------------------------------


def test_names_in_an_archive_are_harmless_and_differ_and_what_was_deleted_is_left_out(world, api):
    client = api(world.ours.broker_user)
    names = ["../../etc/passwd", "A.pdf", "a.pdf", "C:\\a.pdf", "CON.pdf", "gone.pdf"]
    files = [makers.upload(makers.pdf(str(n)), name) for n, name in enumerate(names)]
    made = batch(client, world.ours.application, *files).json()
    job_run(made["job"])
    document_delete(document=Document.objects.get(title="gone"), actor=world.admin)
    reply = client.get(f"{BATCHES}{made['id']}/download/")
    content = b"".join(reply.streaming_content)
    assert reply["Content-Length"] == str(len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["passwd.pdf", "A.pdf", "a (2).pdf", "a (3).pdf", "_CON.pdf"]
        assert archive.testzip() is None


# --- jobs -------------------------------------------------------------------------------------


def test_a_batch_whose_application_is_gone_fails_with_a_reason(world, api):
    client = api(world.ours.broker_user)
    made = batch(client, world.ours.application, makers.upload()).json()
    Batch.objects.all().delete()
    job_run(made["job"])
    job = Job.objects.get(pk=made["job"])
    assert (job.status, job.message) == ("failed", "The application is gone.")


def test_a_letter_is_not_made_for_somebody_who_lost_sight_of_the_application(world, api):
    reply = api(world.ours.bd_user).post(
        "/api/templates/indicative/generate/", {"application": world.ours.application.pk}
    )
    assert reply.status_code == 202
    world.ours.bd_user.role = "client"
    world.ours.bd_user.save()
    job_run(reply.json()["id"])
    job = Job.objects.get(pk=reply.json()["id"])
    assert (job.status, job.message) == ("failed", "You do not see this application any more.")
    assert not Document.objects.exists()


def test_a_letter_that_failed_is_made_again(world, api):
    client = api(world.ours.bd_user)
    world.ours.application.borrower_links.all().delete()
    reply = client.post("/api/templates/indicative/generate/", {"application": world.ours.application.pk})
    assert reply.status_code == 409
    world.ours.application.borrower_links.create(borrower=world.ours.borrower)
    reply = client.post("/api/templates/indicative/generate/", {"application": world.ours.application.pk})
    job = reply.json()["id"]
    world.ours.application.borrower_links.all().delete()
    job_run(job)
    assert Job.objects.get(pk=job).status == "failed"
    world.ours.application.borrower_links.create(borrower=world.ours.borrower)
    assert client.post(f"/api/jobs/{job}/retry/").json()["status"] == "queued"
    job_run(job)
    assert Job.objects.get(pk=job).status == "succeeded"
    assert Document.objects.count() == 1


@pytest.mark.parametrize("seen", ["", "abc", "-1", "1e3", "9" * 400, "²", "1, 2", "0x10"])
def test_a_last_event_id_that_is_none_begins_at_the_beginning(world, api, seen):
    made = batch(api(world.ours.broker_user), world.ours.application, makers.upload()).json()
    reply = api(world.ours.broker_user).get(
        f"/api/jobs/{made['job']}/stream/", headers={"Last-Event-ID": seen}
    )
    assert reply.status_code == 200
    assert b"event: queued" in b"".join(reply.streaming_content)


def test_a_ticket_ends_after_five_minutes(world, api):
    client = api(world.ours.broker_user)
    made = batch(client, world.ours.application, makers.upload()).json()
    ticket = client.post(f"/api/jobs/{made['job']}/stream-ticket/").json()["ticket"]
    url = f"/api/jobs/{made['job']}/stream/?ticket={ticket}"
    assert api().get(url).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert api().get(url).status_code == 401


# --- signatures -------------------------------------------------------------------------------


def test_nobody_signs_what_the_scan_found_something_in(world, api):
    document = document_of(world.ours.application, world.ours.bd_user)
    request = request_of(document, world.ours.bd_user, OUTSIDER, world.ours.client_user)
    token = token_for(OUTSIDER)
    DocumentVersion.objects.update(status=VersionStatus.QUARANTINED)
    client = api(world.ours.client_user)
    with nothing_written():
        reply = api().post("/api/documents/signing/sign/", {"token": token, **TYPED})
    assert_refused(reply, 409, "quarantined")
    with nothing_written():
        reply = client.post(f"/api/documents/signature-requests/{request.pk}/sign/", TYPED)
    assert_refused(reply, 409, "quarantined")


def test_an_application_with_a_request_for_signatures_is_not_deleted(world, api):
    document = document_of(world.ours.application, world.ours.bd_user)
    request_of(document, world.ours.bd_user, OUTSIDER)
    client = api(world.admin)
    with nothing_written():
        reply = client.delete(f"/api/applications/{world.ours.application.pk}/")
    assert_refused(reply, 409, "conflict")
