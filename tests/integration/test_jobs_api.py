"""Jobs over HTTP: whose they are, how far, cancelling, results."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Event
from jobs.models import Job, JobInput
from jobs.services.lifecycle import jobs_recover
from jobs.services.running import job_run
from tests.checks import assert_refused, event_types
from tests.factories import JobFactory, UserFactory
from tests.tables import csv_file, imported, row, send
from tests.writes import nothing_written
from users.services.api_keys import api_key_create

pytestmark = pytest.mark.django_db


def finished(**fields):
    return JobFactory.create(status="succeeded", finished_at=timezone.now(), done=3, total=3, **fields)


def running(**fields):
    return JobFactory.create(
        status="running", attempts=1, lease_until=timezone.now() + timedelta(seconds=60), **fields
    )


def ids(reply):
    assert reply.status_code == 200
    return [entry["id"] for entry in reply.json()["results"]]


def test_everyone_lists_their_own_jobs_and_administrators_all(world, api):
    mine = JobFactory.create(created_by=world.ours.broker_user)
    other = JobFactory.create(created_by=world.theirs.broker_user)
    assert ids(api(world.ours.broker_user).get("/api/jobs/")) == [mine.pk]
    assert ids(api(world.admin).get("/api/jobs/")) == [other.pk, mine.pk]
    assert api(world.ours.broker_user).get(f"/api/jobs/{other.pk}/").status_code == 404


def test_jobs_are_filtered_by_status_and_kind(world, api):
    one = finished(created_by=world.admin)
    two = JobFactory.create(created_by=world.admin, kind="documents.zip")
    client = api(world.admin)
    assert ids(client.get("/api/jobs/", {"status": "succeeded"})) == [one.pk]
    assert ids(client.get("/api/jobs/", {"kind": "documents.zip"})) == [two.pk]
    assert ids(client.get("/api/jobs/", {"status": "odd"})) == []


def test_a_detail_tells_how_far_it_is(world, api):
    job = running(created_by=world.admin, done=1, total=3, counts={"created": 1}, message="Writing.")
    body = api(world.admin).get(f"/api/jobs/{job.pk}/").json()
    assert body["status_display"] == "Running"
    assert body["progress"] == {"done": 1, "total": 3, "percent": 33}
    assert (body["counts"], body["message"], body["result"]) == ({"created": 1}, "Writing.", None)


def test_a_queued_job_is_cancelled_at_once_and_its_input_dropped(world, api):
    client = api(world.ours.broker_user)
    job = send(client, csv_file(row("A"))).json()
    last = Event.objects.latest("pk").pk
    body = client.post(f"/api/jobs/{job['id']}/cancel/").json()
    assert (body["status"], body["message"]) == ("cancelled", "Cancelled before it began.")
    assert event_types(last) == ["job.finished"]
    assert not JobInput.objects.exists()
    with nothing_written():
        job_run(job["id"])


def test_a_running_job_is_asked_once_to_stop(world, api):
    job = running(created_by=world.ours.broker_user)
    client, last = api(world.ours.broker_user), Event.objects.latest("pk").pk
    body = client.post(f"/api/jobs/{job.pk}/cancel/").json()
    assert body["status"] == "running"
    assert body["cancel_requested_at"] is not None
    assert client.post(f"/api/jobs/{job.pk}/cancel/").json() == body
    assert event_types(last) == ["job.cancel_requested"]


def test_a_finished_job_is_not_cancelled(world, api):
    job = finished(created_by=world.admin)
    client = api(world.admin)
    with nothing_written():
        assert_refused(client.post(f"/api/jobs/{job.pk}/cancel/"), 409, "conflict")


def test_an_administrator_cancels_a_job_of_another_who_is_told(world, api, dispatch):
    job = JobFactory.create(created_by=world.ours.broker_user)
    assert api(world.admin).post(f"/api/jobs/{job.pk}/cancel/").status_code == 200
    dispatch()
    told = api(world.ours.broker_user).get("/api/users/notifications/").json()["results"]
    assert [entry["title"] for entry in told] == ["Import of applications cancelled"]


def test_a_result_is_there_when_the_job_is_finished(world, api):
    client = api(world.ours.broker_user)
    job = send(client, csv_file(row("A"))).json()
    address = f"/api/jobs/{job['id']}/result/"
    assert_refused(client.get(address), 409, "job_not_finished")
    job_run(job["id"])
    assert client.get(address).status_code == 200
    assert api(world.theirs.broker_user).get(address).status_code == 404


def test_a_report_as_csv_has_a_line_for_each_row_and_no_formulas(world, api):
    client = api(world.ours.broker_user)
    job = imported(client, csv_file(row("A"), row("=1+1", loan_term="x")))
    reply = client.get(f"/api/jobs/{job['id']}/result/")
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert reply["Content-Disposition"].startswith(f'attachment; filename="job-{job["id"]}-')
    lines = list(csv.reader(io.StringIO(b"".join(reply).decode())))
    assert lines[0] == ["row", "outcome", "client_reference", "application_id", "reference_number", "errors"]
    assert lines[1][:3] == ["2", "created", "A"]
    number = "loan_term: Write a number as 450000.00: no thousands separators, no currency."
    assert lines[2] == ["3", "failed", "'=1+1", "", "", number]


def test_a_report_as_json_of_no_rows_is_an_empty_list(world, api):
    job = finished(created_by=world.admin)
    reply = api(world.admin).get(f"/api/jobs/{job.pk}/result/", headers={"Accept": "application/json"})
    assert (reply["Content-Type"], b"".join(reply)) == ("application/json", b"[]")


def test_an_unknown_format_is_refused(world, api):
    job = finished(created_by=world.admin)
    reply = api(world.admin).get(f"/api/jobs/{job.pk}/result/", {"format": "xlsx"})
    assert_refused(reply, 400, "invalid", format=["Choose csv or json."])


def test_users_who_go_take_their_jobs_along(world, api):
    user = UserFactory.create()
    JobFactory.create(created_by=user)
    assert Job.objects.count() == 1
    assert api(world.admin).delete(f"/api/users/users/{user.pk}/").status_code == 204
    assert Job.objects.count() == 0


def test_a_job_that_failed_is_done_again(world, api, dispatch):
    client = api(world.ours.broker_user)
    job = finished(created_by=world.ours.broker_user, kind="documents.batch", attempts=3)
    Job.objects.filter(pk=job.pk).update(status="failed", expires_at=timezone.now())
    body = client.post(f"/api/jobs/{job.pk}/retry/").json()
    assert (body["status"], body["finished_at"], body["expires_at"]) == ("queued", None, None)
    assert Event.objects.latest("pk").type == "job.retried"
    with nothing_written():
        assert_refused(client.post(f"/api/jobs/{job.pk}/retry/"), 409, "conflict")


def test_attempts_are_counted_anew_after_a_retry(world):
    job = running(created_by=world.admin, kind="documents.batch")
    over = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(attempts=4, attempts_before=3, lease_until=over)
    assert jobs_recover() == 1
    assert Job.objects.get(pk=job.pk).status == "queued"
    Job.objects.filter(pk=job.pk).update(status="running", attempts=6, lease_until=over)
    jobs_recover()
    job = Job.objects.get(pk=job.pk)
    assert (job.status, job.message) == ("failed", "Its worker stopped 3 times. What it had written stays.")


@pytest.mark.parametrize(
    ("kind", "status"),
    [("applications.bulk_import", "failed"), ("documents.batch", "succeeded"), ("gone.kind", "failed")],
)
def test_what_cannot_be_done_again_is_not(world, api, kind, status):
    job = finished(created_by=world.admin, kind=kind)
    Job.objects.filter(pk=job.pk).update(status=status)
    client = api(world.admin)
    with nothing_written():
        assert_refused(client.post(f"/api/jobs/{job.pk}/retry/"), 409, "conflict")


def test_a_stream_without_a_server_that_waits_says_how_it_is_and_ends(world, api):
    job = running(created_by=world.admin, done=1, total=4)
    reply = api(world.admin).get(f"/api/jobs/{job.pk}/stream/")
    assert reply["Content-Type"] == "text/event-stream"
    text = b"".join(reply.streaming_content).decode()
    assert text.startswith("retry: 2000\n\nevent: progress\nid: 0\ndata: {")
    again = api(world.admin).get(f"/api/jobs/{job.pk}/stream/", headers={"Last-Event-ID": "0"})
    assert b"".join(again.streaming_content) == b"retry: 2000\n\n"


def test_a_ticket_is_for_logins(world, api):
    job = running(created_by=world.admin)
    _, raw = api_key_create(
        actor=world.admin, user=world.admin, name="Program", scopes=["jobs:read", "jobs:write"]
    )
    key = api()
    key.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    assert key.get(f"/api/jobs/{job.pk}/").status_code == 200
    assert_refused(key.post(f"/api/jobs/{job.pk}/stream-ticket/"), 403, "permission_denied")


def test_the_revision_grows_with_what_is_seen_and_only_then(world):
    job = running(created_by=world.admin)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() + timedelta(seconds=90))
    assert Job.objects.get(pk=job.pk).revision == 0
    Job.objects.filter(pk=job.pk).update(done=1, total=2)
    Job.objects.filter(pk=job.pk).update(done=1, total=2)
    assert Job.objects.get(pk=job.pk).revision == 1
