"""Kill -9 in the middle of an import: it is repeated, every row is there once. Real processes throughout."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from applications.models import Application
from events.models import Event
from jobs.models import Job, JobRow
from notifications.models import Notification
from tests.processes import wait_for, worker
from tests.tables import csv_file, row, send

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

ROWS = 300


@pytest.fixture
def start(tmp_path, monkeypatch) -> Iterator:
    """`start()`: a running worker whose leases are short; what it said is shown when the test fails."""
    monkeypatch.setenv("JOB_LEASE_SECONDS", "3")
    with ExitStack() as stack:

        def run():
            process = worker(tmp_path)
            stack.callback(process.kill)
            return process

        yield run
    for log in tmp_path.glob("*.log"):
        print(f"--- {log.name}\n{log.read_text()[-3000:]}")  # noqa: T201


@pytest.mark.parametrize("mode", ["partial", "all_or_nothing"])
def test_a_worker_that_is_killed_in_the_middle(world, api, start, mode):
    client = api(world.ours.broker_user)
    reply = send(client, csv_file(*[row(f"R{n}") for n in range(ROWS)]), mode=mode)
    job = Job.objects.get(pk=reply.json()["id"])

    def state():
        return client.get(f"/api/jobs/{job.pk}/").json()

    first = start()
    wait_for(lambda: state()["progress"]["done"] > ROWS // 10, what="progress")
    first.kill()
    left = state()
    assert left["status"] == "running"
    assert 0 < left["progress"]["percent"] < 100
    written = Application.objects.exclude(client_reference="").count()
    if mode == "all_or_nothing":
        assert written == 0
    else:
        assert 0 < written == JobRow.objects.count() < ROWS
    start()
    wait_for(lambda: state()["status"] == "succeeded", seconds=150, what="end of the job")
    ended = state()
    assert ended["counts"] == {"created": ROWS, "skipped": 0, "valid": 0, "failed": 0}
    assert ended["attempts"] == 2
    references = Application.objects.exclude(client_reference="").values_list("client_reference", flat=True)
    assert sorted(references) == sorted(f"R{n}" for n in range(ROWS))
    assert Event.objects.filter(type="application.created").count() == ROWS
    assert Event.objects.filter(type="job.finished").count() == 1
    wait_for(
        lambda: Notification.objects.filter(user=world.ours.broker_user, event__type="job.finished").exists()
    )
