"""Files of reports made by jobs: asked for by `Prefer: respond-async`, and read by who asked alone."""

import csv
import io

import pytest

from jobs.models import Job
from jobs.services.running import job_run
from reports.models import ReportFile
from reports.services.files import files_delete_expired
from tests.factories import ApplicationFactory, SavedReportFactory
from tests.writes import nothing_written
from users.models import User

ASYNC = {"Prefer": "respond-async"}
FILES = "/api/reports/files/"
BODY = {"source": "applications", "dimensions": ["stage"], "measures": ["count"]}
pytestmark = pytest.mark.django_db


def made(client, reply):
    """The file of the job that a reply names."""
    assert reply.status_code == 202, reply.content
    assert reply["Preference-Applied"] == "respond-async"
    job = reply.json()
    assert reply["Location"].endswith(f"/api/jobs/{job['id']}/")
    assert reply["Content-Type"] == "application/json"
    job_run(job["id"])
    job = client.get(f"/api/jobs/{job['id']}/").json()
    assert job["status"] == "succeeded", job
    return job["result"]


def test_a_job_makes_what_the_address_sends(world, api):
    ApplicationFactory.create(broker=world.ours.broker)
    broker = api(world.ours.broker_user)
    report = SavedReportFactory.create(owner=world.ours.broker_user, definition=BODY)
    by_week = {"report": "application-volume", "grouping": "week"}
    standard = SavedReportFactory.create(
        owner=world.ours.broker_user, kind="application-volume", source="", definition=by_week
    )
    by_volume = "/api/reports/export/?report=application-volume&format=csv"
    asks = [
        lambda **how: broker.get(f"/api/reports/saved/{standard.pk}/export/?format=csv", **how),
        lambda **how: broker.get(f"{by_volume}&broker_id={world.ours.broker.pk}", **how),
        lambda **how: broker.post("/api/reports/custom/export/?format=csv", BODY, **how),
        lambda **how: broker.get(f"/api/reports/saved/{report.pk}/export/?format=csv", **how),
    ]
    for ask in asks:
        direct = ask()
        assert direct.status_code == 200
        result = made(broker, ask(headers=ASYNC))
        download = broker.get(result["download"])
        assert download.content == direct.getvalue()
        assert download["Content-Type"] == direct["Content-Type"]
    rows = list(csv.reader(io.StringIO(download.content.decode())))
    assert rows == [["stage", "count"], ["Inquiry", "2"]]


def test_a_pdf_and_a_workbook(world, api):
    broker = api(world.ours.broker_user)
    for form, begins in (("pdf", b"%PDF-"), ("xlsx", b"PK")):
        reply = broker.post(f"/api/reports/custom/export/?format={form}", BODY, headers=ASYNC)
        file = broker.get(f"{FILES}{made(broker, reply)['file']}/").json()
        download = broker.get(f"{FILES}{file['id']}/download/")
        assert download.content.startswith(begins)
        assert (file["size"], file["status"], file["format"]) == (len(download.content), "ready", form)


def test_a_file_is_its_readers_alone(world, api):
    broker = api(world.ours.broker_user)
    result = made(broker, broker.post("/api/reports/custom/export/?format=csv", BODY, headers=ASYNC))
    for other in (world.admin, world.ours.bd_user, world.theirs.broker_user):
        client = api(other)
        assert client.get(result["download"]).status_code == 404
        assert client.get(f"{FILES}{result['file']}/").status_code == 404
        assert client.get(FILES).json()["results"] == []
    assert api(world.ours.client_user).get(result["download"]).status_code == 404


def test_what_is_wrong_is_refused_before_a_job_begins(world, api):
    broker = api(world.ours.broker_user)
    with nothing_written():
        wrong = broker.post("/api/reports/custom/export/?format=csv", {"source": "no"}, headers=ASYNC)
        other = broker.get("/api/reports/export/?report=commission&format=csv&grouping=day", headers=ASYNC)
        form = broker.get("/api/reports/export/?report=commission&format=doc", headers=ASYNC)
    assert {wrong.status_code, other.status_code, form.status_code} == {400}


def test_a_job_looks_again_at_who_asked_and_what_for(world, api):
    broker = api(world.ours.broker_user)

    def ended(path):
        job = broker.get(path, headers=ASYNC).json()["id"]

        def end():
            job_run(job)
            row = Job.objects.get(pk=job)
            return row.status, row.message

        return end

    own = "/api/reports/export/?report=application-volume&format=csv"
    sheet = ended(f"{own}&sheet=no_such")
    assert sheet() == ("failed", "Reports do not take this any more.")
    gone = ended(own)
    User.objects.filter(pk=world.ours.broker_user.pk).update(status="suspended")
    assert gone() == ("failed", "You may not read reports any more.")
    assert not ReportFile.objects.exists()


def test_a_job_that_is_repeated_makes_one_file(world, api, monkeypatch):
    broker = api(world.ours.broker_user)
    job = broker.post("/api/reports/custom/export/?format=csv", BODY, headers=ASYNC).json()["id"]
    job_run(job)
    Job.objects.filter(pk=job).update(
        status="queued", finished_at=None, lease_until=None, result=None, expires_at=None
    )
    job_run(job)
    assert ReportFile.objects.count() == 1
    assert Job.objects.get(pk=job).result["file"] == ReportFile.objects.get().pk


def test_files_are_deleted_after_their_time(world, api):
    broker = api(world.ours.broker_user)
    result = made(broker, broker.post("/api/reports/custom/export/?format=csv", BODY, headers=ASYNC))
    assert files_delete_expired() == 0
    file = ReportFile.objects.get()
    ReportFile.objects.update(expires_at=file.created_at)
    assert files_delete_expired() == 1
    assert broker.get(result["download"]).status_code == 404
