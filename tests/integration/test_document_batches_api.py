"""Many files at once: each by itself, in a job; and all of them again as an archive."""

import io
import zipfile

import pytest

from documents.models import Batch, BatchFile, Document, StoredFile
from documents.services.files import files_clean_up
from events.models import Event
from jobs.models import Job
from jobs.services.running import job_run
from tests.checks import assert_refused
from tests.documents import makers
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

LIST = "/api/documents/batches/"


def send(client, world, *files, **fields):
    uploads = [makers.upload(content, name) for name, content in files]
    body = {"application": world.ours.application.pk, "files": uploads, **fields}
    return client.post(LIST, body, format="multipart")


def files_of(client, pk):
    return client.get(f"{LIST}{pk}/").json()["files"]


MIXED = (
    ("offer.pdf", makers.pdf("Kalgoorlie")),
    ("run.exe", b"\x7fELF\x02\x01\x01" + bytes(100)),
    ("photo.png", makers.picture()),
    ("polyglot.pdf", makers.pdf() + makers.archive()),
    ("notes.txt", b"Bring the title"),
)


def test_each_file_is_looked_at_by_itself_and_the_good_ones_are_kept(world, api):
    client = api(world.ours.broker_user)
    reply = send(client, world, *MIXED, kind="income", visible_to_client="true")
    assert reply.status_code == 202
    body = reply.json()
    assert reply["Location"].endswith(f"{LIST}{body['id']}/")
    assert [one["outcome"] for one in body["files"]] == ["waiting"] * 5
    last = Event.objects.latest("pk").pk
    job_run(body["job"])
    found = files_of(client, body["id"])
    assert [one["outcome"] for one in found] == ["kept", "refused", "kept", "refused", "kept"]
    assert [bool(one["errors"]) for one in found] == [False, True, False, True, False]
    kept = [one["document"] for one in found if one["document"]]
    documents = Document.objects.in_bulk(kept)
    assert [documents[pk].title for pk in kept] == ["offer", "photo", "notes"]
    assert {(one.kind, one.visible_to_client) for one in documents.values()} == {("income", True)}
    assert [documents[pk].current.status for pk in kept] == ["ready"] * 3
    assert "Kalgoorlie" in documents[kept[0]].current.text
    job = client.get(f"/api/jobs/{body['job']}/").json()
    assert (job["status"], job["message"]) == ("succeeded", "3 of 5 files kept.")
    assert job["counts"] == {"kept": 3, "refused": 2}
    assert job["result"] == {"batch": body["id"], "kept": 3, "refused": 2}
    rows = client.get(f"/api/jobs/{body['job']}/result/", {"format": "json"})
    report = b"".join(rows.streaming_content).decode()
    assert '"row":2,"outcome":"refused","name":"run.exe"' in report
    told = Event.objects.filter(pk__gt=last).exclude(recipients=[]).order_by("pk")
    assert list(told.values_list("type", flat=True)) == ["document.batch_added", "job.finished"]


def test_a_job_that_is_repeated_keeps_nothing_twice(world, api):
    client = api(world.ours.broker_user)
    body = send(client, world, *MIXED).json()
    job_run(body["job"])
    before = files_of(client, body["id"])
    Job.objects.filter(pk=body["job"]).update(status="queued", finished_at=None, expires_at=None)
    job_run(body["job"])
    assert files_of(client, body["id"]) == before
    assert Document.objects.count() == 3
    assert Event.objects.filter(type="document.batch_added_for_partners").count() == 1


def test_a_file_that_is_too_large_leaves_the_others_alone(world, api, settings):
    settings.DOCUMENT_MAX_BYTES = 100_000
    client = api(world.ours.broker_user)
    reply = send(client, world, ("a.pdf", makers.pdf()), ("b.txt", b"a" * 100_001))
    body = reply.json()
    assert [one["outcome"] for one in body["files"]] == ["waiting", "refused"]
    assert body["files"][1]["errors"] == ["The file is larger than 0 MB."]
    job_run(body["job"])
    assert [one["outcome"] for one in files_of(client, body["id"])] == ["kept", "refused"]


def test_a_batch_has_its_limits(world, api, settings):
    client = api(world.ours.broker_user)
    with nothing_written():
        many = send(client, world, *[(f"{n}.txt", b"x") for n in range(26)])
        none = send(client, world)
        theirs = client.post(
            LIST,
            {"application": world.theirs.application.pk, "files": [makers.upload()]},
            format="multipart",
        )
        settings.DOCUMENT_BATCH_BYTES = 1000
        large = send(client, world, ("a.txt", b"x" * 400_000))
    assert_refused(many, 413, "too_many_files")
    assert_refused(none, 400, "invalid", files=["This field is required."])
    assert theirs.status_code == 400
    assert_refused(large, 413, "file_too_large")


def test_all_of_a_batch_is_one_archive(world, api):
    client = api(world.ours.broker_user)
    body = send(
        client, world, ("Ü.pdf", makers.pdf("One")), ("ü.pdf", makers.pdf("Two")), ("x.exe", b"MZ\x00")
    ).json()
    job_run(body["job"])
    reply = client.get(f"{LIST}{body['id']}/download/")
    content = b"".join(reply.streaming_content)
    assert reply["Content-Type"] == "application/zip"
    assert reply["Content-Length"] == str(len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Ü.pdf", "ü (2).pdf"]
        assert archive.read("ü (2).pdf") == makers.pdf("Two")


def test_who_sees_a_batch(world, api):
    staff = send(api(world.ours.broker_user), world, ("a.pdf", makers.pdf())).json()["id"]
    own = send(api(world.ours.client_user), world, ("b.pdf", makers.pdf())).json()["id"]
    assert api(world.ours.client_user).get(f"{LIST}{staff}/").status_code == 404
    assert [row["id"] for row in api(world.ours.client_user).get(LIST).json()["results"]] == [own]
    assert api(world.ours.bd_user).get(LIST).json()["count"] == 2
    assert api(world.theirs.broker_user).get(f"{LIST}{staff}/download/").status_code == 404


def test_who_lost_sight_of_the_application_adds_nothing(world, api):
    body = send(api(world.ours.broker_user), world, ("a.pdf", makers.pdf())).json()
    world.ours.application.broker = None
    world.ours.application.save()
    job_run(body["job"])
    assert Job.objects.get().status == "failed"
    assert not Document.objects.exists()


def test_files_that_nobody_looked_at_go_with_their_job(world, api):
    body = send(api(world.ours.broker_user), world, ("a.pdf", makers.pdf())).json()
    StoredFile.objects.update(created_at="2020-01-01T00:00Z")
    assert files_clean_up() == 0
    Job.objects.all().delete()
    assert files_clean_up() == 1
    assert BatchFile.objects.get().outcome == "refused"
    assert Batch.objects.get(pk=body["id"]).job is None
    assert not StoredFile.objects.exists()
