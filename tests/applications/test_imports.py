"""Imports that run at the same moment."""

import pytest

from applications.models import Application
from jobs.models import Job
from jobs.services.running import JobLost, Run, job_run
from tests.factories import JobFactory
from tests.tables import csv_file, row, send
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("modes", [("partial", "partial"), ("partial", "all_or_nothing")])
def test_the_same_file_twice_at_once_makes_every_application_once(world, api, modes, settings):
    settings.JOBS_AT_ONCE = 2
    client = api(world.ours.broker_user)
    file = csv_file(*[row(f"R{n}") for n in range(30)])
    jobs = [send(client, file, mode=mode).json()["id"] for mode in modes]
    together(*[lambda pk=pk: job_run(pk) for pk in jobs])
    ended = [Job.objects.get(pk=pk) for pk in jobs]
    assert [job.status for job in ended] == ["succeeded", "succeeded"]
    assert sum(job.counts["created"] for job in ended) == 30
    assert sum(job.counts["skipped"] for job in ended) == 30
    assert Application.objects.exclude(client_reference="").count() == 30


def test_an_attempt_whose_job_was_given_away_writes_no_row(world, api):
    client = api(world.ours.broker_user)
    job = Job.objects.get(pk=send(client, csv_file(row("A"))).json()["id"])
    stale = Run(JobFactory.build(pk=job.pk, attempts=1))
    Job.objects.update(attempts=2)
    with pytest.raises(JobLost):
        stale.hold()
    job_run(job.pk)
    assert Job.objects.get().counts["created"] == 1
