"""A worker's attempt at a job: lease, progress, cancelling, defects, and the sweep."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from events.models import Event
from jobs import registry
from jobs.models import Job, JobInput, JobRow
from jobs.registry import Done, JobFailed, JobKind
from jobs.services import lifecycle, running
from jobs.services.lifecycle import MAX_ATTEMPTS, job_create, jobs_recover
from jobs.services.running import job_run
from jobs.tasks import delete_expired_jobs
from tests.factories import JobFactory, UserFactory
from tests.processes import wait_for
from tests.threads import together, with_own_connection

KIND = "tests.work"


@pytest.fixture
def kind(monkeypatch):
    """`kind(handler)`: a declared kind of job that does this."""

    def declare(handler):
        monkeypatch.setitem(registry.REGISTRY, KIND, JobKind(KIND, "Work", run=handler))

    return declare


@pytest.fixture
def queued(kind):
    """`queued(handler)`: a queued job that does this."""

    def make(handler):
        kind(handler)
        return job_create(kind=KIND, actor=UserFactory.create(), parameters={}, content=b"abc")

    return make


def now_of(job) -> Job:
    return Job.objects.get(pk=job.pk)


@pytest.mark.django_db
class TestOneAttempt:
    def test_it_ends_with_what_the_handler_says(self, queued):
        def handler(run):
            assert run.content == b"abc"
            run.advance(done=2, total=2, counts={"made": 2})
            return Done("Two made.", {"ids": [1, 2]})

        job = queued(handler)
        job_run(job.pk)
        job = now_of(job)
        assert job.expires_at is not None
        assert job.finished_at is not None
        assert (job.status, job.message, job.result) == ("succeeded", "Two made.", {"ids": [1, 2]})
        assert (job.done, job.total, job.counts, job.attempts) == (2, 2, {"made": 2}, 1)
        assert job.expires_at - job.finished_at == timedelta(days=30)
        assert not JobInput.objects.exists()

    def test_a_reason_to_give_up_is_told(self, queued):
        def handler(run):
            raise JobFailed("Nothing fits.", {"tried": 3})

        job = queued(handler)
        job_run(job.pk)
        assert (now_of(job).status, now_of(job).message) == ("failed", "Nothing fits.")
        assert now_of(job).result == {"tried": 3}

    def test_a_defect_fails_the_job_without_its_details_and_is_raised(self, queued):
        def handler(run):
            raise ZeroDivisionError("secret")

        job = queued(handler)
        with pytest.raises(ZeroDivisionError):
            job_run(job.pk)
        assert (now_of(job).status, now_of(job).message) == ("failed", running.DEFECT)
        assert Event.objects.get(type="job.finished").data["status"] == "failed"

    def test_an_outage_leaves_it_to_the_sweep(self, queued):
        def handler(run):
            raise OperationalError("away")

        job = queued(handler)
        with pytest.raises(OperationalError):
            job_run(job.pk)
        assert now_of(job).status == "running"
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert jobs_recover() == 1
        assert now_of(job).status == "queued"

    def test_asked_to_stop_it_stops_after_the_batch(self, queued):
        steps = []

        def handler(run):
            for step in range(1, 5):
                steps.append(step)
                if step == 2:
                    Job.objects.filter(pk=run.job.pk).update(cancel_requested_at=timezone.now())
                run.advance(done=step, total=4)

        job = queued(handler)
        job_run(job.pk)
        assert steps == [1, 2]
        assert (now_of(job).status, now_of(job).done) == ("cancelled", 2)

    def test_an_attempt_that_lost_its_job_writes_nothing_about_it(self, queued):
        def handler(run):
            Job.objects.filter(pk=run.job.pk).update(attempts=2)  # another worker's by now
            return Done("Too late.")

        job = queued(handler)
        job_run(job.pk)
        assert (now_of(job).status, now_of(job).message) == ("running", "")

    def test_a_kind_that_is_not_declared_any_more_fails(self):
        job = JobFactory.create(kind="gone.kind")
        with pytest.raises(LookupError):
            job_run(job.pk)
        assert now_of(job).status == "failed"

    def test_nothing_runs_that_is_not_queued(self, queued):
        job = queued(lambda run: pytest.fail("ran"))
        Job.objects.update(status="running", lease_until=timezone.now())
        job_run(job.pk)
        job_run(999)


@pytest.mark.django_db
class TestManyJobs:
    def test_one_more_than_may_run_at_once_stays_queued(self, queued, settings):
        job = queued(lambda run: Done("Done."))
        JobFactory.create(status="running", attempts=1, lease_until=timezone.now())
        job_run(job.pk)
        assert now_of(job).status == "queued"
        settings.JOBS_AT_ONCE = 2
        job_run(job.pk)
        assert now_of(job).status == "succeeded"

    def test_the_end_of_one_tells_of_the_next(self, queued, monkeypatch, django_capture_on_commit_callbacks):
        told = []
        monkeypatch.setattr(lifecycle, "wake_worker", told.append)
        job = queued(lambda run: Done("Done."))
        following = [JobFactory.create().pk, JobFactory.create().pk]
        with django_capture_on_commit_callbacks(execute=True):
            job_run(job.pk)
        assert told == following[:1]


@pytest.mark.django_db
class TestTheSweep:
    def lost(self, **fields):
        past = timezone.now() - timedelta(seconds=1)
        return JobFactory.create(**{"status": "running", "attempts": 1, "lease_until": past, **fields})

    def test_a_job_whose_worker_is_gone_is_queued_again(self):
        job = self.lost()
        assert jobs_recover() == 1
        assert (now_of(job).status, now_of(job).lease_until) == ("queued", None)

    def test_after_three_attempts_it_is_given_up_and_told(self):
        job = self.lost(attempts=MAX_ATTEMPTS)
        jobs_recover()
        assert now_of(job).status == "failed"
        assert now_of(job).message == "Its worker stopped 3 times. What it had written stays."
        assert Event.objects.get(type="job.finished").recipients == [job.created_by_id]

    def test_one_that_was_to_stop_is_cancelled(self):
        job = self.lost(cancel_requested_at=timezone.now())
        jobs_recover()
        assert now_of(job).status == "cancelled"

    def test_a_living_worker_keeps_its_job(self):
        job = self.lost(lease_until=timezone.now() + timedelta(seconds=5))
        assert jobs_recover() == 0
        assert now_of(job).status == "running"

    def test_workers_are_told_again_of_a_job_that_waits_for_long(self, django_capture_on_commit_callbacks):
        past = timezone.now() - timedelta(minutes=1)
        first = JobFactory.create(enqueued_at=past)
        JobFactory.create(enqueued_at=past)
        with django_capture_on_commit_callbacks() as callbacks:
            assert jobs_recover() == 1
        assert [callback.args for callback in callbacks] == [(first.pk,)]

    def test_finished_jobs_are_deleted_with_their_reports_when_their_time_is_over(self, monkeypatch):
        monkeypatch.setattr(lifecycle, "DELETED_AT_ONCE", 2)
        now = timezone.now()
        over = {"status": "succeeded", "finished_at": now, "expires_at": now - timedelta(seconds=1)}
        for job in JobFactory.create_batch(5, **over):
            JobRow.objects.create(job=job, number=2, outcome="created")
        kept = [JobFactory.create(**{**over, "expires_at": now + timedelta(days=1)}), JobFactory.create()]
        assert delete_expired_jobs() == 5
        assert list(Job.objects.order_by("pk")) == kept
        assert not JobRow.objects.exists()

    def test_while_there_is_no_room_nobody_is_told(self):
        self.lost(lease_until=timezone.now() + timedelta(seconds=60))
        JobFactory.create(enqueued_at=timezone.now() - timedelta(minutes=1))
        assert jobs_recover() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"status": "odd"},
        {"status": "running"},
        {"status": "queued", "lease_until": timezone.now()},
        {"status": "succeeded"},
        {"finished_at": timezone.now()},
        {"done": 2, "total": 1},
    ],
)
def test_the_database_refuses_states_that_cannot_be(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        JobFactory.create(**fields)


@pytest.mark.django_db(transaction=True)
class TestSeenFromOutside:
    @pytest.fixture(autouse=True)
    def _beat_often(self, monkeypatch):
        monkeypatch.setattr(running, "BEAT_SECONDS", 0.05)

    def test_progress_and_lease_are_seen_while_the_handler_is_inside_a_transaction(self, queued):
        seen: list[object] = []

        def handler(run):
            with transaction.atomic():
                JobFactory.create(kind="tests.other")
                run.advance(done=1, total=4, counts={"made": 1}, message="Writing.")
                first = together(lambda: Job.objects.get(pk=run.job.pk).lease_until)[0]
                wait_for(lambda: look(run).done == 1 and look(run).lease_until > first, seconds=20)
                seen.append((look(run).percent, look(run).counts, look(run).message))
                seen.append(together(Job.objects.filter(kind="tests.other").count)[0])
            return Done("Made.")

        def look(run):
            return together(lambda: Job.objects.get(pk=run.job.pk))[0]

        job = queued(handler)
        job_run(job.pk)
        assert seen == [(25, {"made": 1}, "Writing."), 0]
        assert now_of(job).status == "succeeded"

    def test_a_wish_to_stop_undoes_the_transaction_at_hand(self, queued):
        def handler(run):
            with transaction.atomic():
                JobFactory.create(kind="tests.other")
                together(lambda: Job.objects.update(cancel_requested_at=timezone.now()))
                while True:
                    run.advance(done=1, total=2)
                    threading.Event().wait(0.02)

        job = queued(handler)
        job_run(job.pk)
        assert now_of(job).status == "cancelled"
        assert not Job.objects.filter(kind="tests.other").exists()

    def test_the_sweep_leaves_a_job_alone_whose_worker_is_writing(self, queued):
        swept = []

        def handler(run):
            with transaction.atomic():
                run.hold()
                past = timezone.now() - timedelta(seconds=1)
                together(lambda: Job.objects.update(lease_until=past))  # as if the worker had been slow
                swept.append(together(jobs_recover)[0])
            return Done("Done.")

        running.BEAT_SECONDS = 60.0  # restored by the fixture
        job = queued(handler)
        job_run(job.pk)
        assert (swept, now_of(job).status) == ([0], "succeeded")

    def test_many_requests_at_once_leave_nobody_with_more_than_ten_jobs(self, kind):
        kind(lambda run: Done("Done."))
        user = UserFactory.create()
        JobFactory.create_batch(lifecycle.MAX_UNFINISHED - 1, created_by=user)

        def ask():
            with suppress(lifecycle.TooManyJobs):
                job_create(kind=KIND, actor=user, parameters={})

        together(*[ask] * 6)
        assert Job.objects.filter(created_by=user).count() == lifecycle.MAX_UNFINISHED

    def test_of_many_workers_one_runs_a_job(self, queued):
        ran = []

        def handler(run):
            ran.append(run.job.attempts)
            threading.Event().wait(0.2)
            return Done("Done.")

        job = queued(handler)
        together(*[lambda: job_run(job.pk)] * 4)
        assert ran == [1]

    def test_threads_leave_no_connection_behind(self, queued):
        def handler(run):
            threading.Event().wait(0.2)
            return Done("Done.")

        def sessions():
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                return cursor.fetchone()[0]

        job, before = queued(handler), sessions()
        with_own_connection(lambda: None)
        job_run(job.pk)
        wait_for(lambda: sessions() == before, seconds=10)
