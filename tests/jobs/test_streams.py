"""Following a job over a real daphne: events, resuming, tickets, many listeners, and a Redis that forgets."""

import asyncio
import json
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from jobs import live
from jobs.choices import JobStatus
from jobs.models import Job
from jobs.services.lifecycle import job_cancel, job_create, job_finish
from jobs.services.running import Run
from tests.factories import JobFactory
from tests.processes import Web
from tests.threads import in_thread

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

LISTENERS = 200


@pytest.fixture
def web(world, tmp_path):
    with ExitStack() as stack:
        server = Web(tmp_path, variables={"DATABASE_POOL_SIZE": "4"})
        stack.callback(server.kill)
        yield server
    print((tmp_path / "daphne.log").read_text()[-3000:])  # noqa: T201


def running(**fields):
    return JobFactory.create(
        status="running", attempts=1, lease_until=timezone.now() + timedelta(seconds=600), **fields
    )


def progress(job, done, message=""):
    run = Run(Job.objects.get(pk=job.pk))
    run.advance(done=done, total=10, message=message)


def finish(job, **fields):
    job_finish(job=Job.objects.get(pk=job.pk), status=JobStatus.SUCCEEDED, message="Done.", **fields)


class Follower:
    """One EventSource."""

    def __init__(self, web, job, **headers):
        self.url = f"http://127.0.0.1:{web.port}/api/jobs/{job.pk}/stream/"
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.events = []
        self.opened = asyncio.Event()
        self.status = None

    async def follow(self, client, **params):
        async with client.stream("GET", self.url, headers=self.headers, params=params) as reply:
            self.status, self.reply = reply.status_code, reply
            event = {}
            async for line in reply.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif event:
                    if "data" in event:
                        event["data"] = json.loads(event["data"])
                        self.events.append(event)
                    self.opened.set()
                    event = {}

    def names(self):
        return [event["event"] for event in self.events]


def bearer(api, user):
    return f"Bearer {api(user).tokens.access}"


async def seen(follower, count):
    for _ in range(200):
        if len(follower.events) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(follower.events)


async def test_a_job_is_followed_to_its_end(web, world, api):
    job = await in_thread(running, created_by=world.ours.broker_user)
    token = await in_thread(bearer, api, world.ours.broker_user)
    async with httpx.AsyncClient(timeout=30) as client:
        follower = Follower(web, job, Authorization=token, Accept_Encoding="gzip")
        task = asyncio.create_task(follower.follow(client))
        await seen(follower, 1)
        await in_thread(progress, job, 3, "Reading.")
        await seen(follower, 2)
        await in_thread(finish, job, result={"kept": 3})
        await asyncio.wait_for(task, 10)
        assert follower.reply.headers["content-type"] == "text/event-stream"
        assert follower.reply.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in follower.reply.headers
        assert follower.names() == ["progress", "progress", "completed"]
        assert follower.events[1]["data"] == {
            "status": "processing",
            "progress": 30,
            "current": 3,
            "total": 10,
            "counts": {},
            "message": "Reading.",
            "result": None,
        }
        assert follower.events[2]["data"]["result"] == {"kept": 3}
        ids = [int(event["id"]) for event in follower.events]
        assert ids == sorted(set(ids))
        # Come back with an older id: what is newer. With the last one: there is no more.
        again = Follower(web, job, Authorization=token, Last_Event_ID=str(ids[0]))
        await again.follow(client)
        assert [(event["event"], int(event["id"])) for event in again.events] == [("completed", ids[-1])]
        last = Follower(web, job, Authorization=token, Last_Event_ID=str(ids[-1]))
        await last.follow(client)
        assert last.status == 204


async def test_cancelling_ends_the_stream(web, world, api):
    job = await in_thread(
        job_create, kind="applications.bulk_import", actor=world.ours.broker_user, parameters={}
    )
    token = await in_thread(bearer, api, world.ours.broker_user)
    async with httpx.AsyncClient(timeout=30) as client:
        follower = Follower(web, job, Authorization=token)
        task = asyncio.create_task(follower.follow(client))
        await seen(follower, 1)
        await in_thread(lambda: job_cancel(job=Job.objects.get(pk=job.pk), actor=world.ours.broker_user))
        await asyncio.wait_for(task, 10)
        assert follower.names() == ["queued", "cancelled"]


async def test_who_may_follow(web, world, api):
    job = await in_thread(running, created_by=world.ours.broker_user)
    other = await in_thread(running, created_by=world.ours.broker_user)
    mine = await in_thread(api, world.ours.broker_user)
    theirs = await in_thread(bearer, api, world.theirs.broker_user)
    made = await in_thread(mine.post, f"/api/jobs/{job.pk}/stream-ticket/")
    assert made.status_code == 201
    ticket = made.json()["ticket"]

    async def status(which, params=None, **headers):
        follower = Follower(web, which, **headers)
        async with httpx.AsyncClient(timeout=30) as client:
            task = asyncio.create_task(follower.follow(client, **(params or {})))
            opened = asyncio.create_task(follower.opened.wait())
            await asyncio.wait([task, opened], return_when=asyncio.FIRST_COMPLETED, timeout=10)
            for one in (task, opened):
                one.cancel()
            await asyncio.gather(task, opened, return_exceptions=True)
        return follower.status

    assert await status(job, {"ticket": ticket}) == 200
    assert await status(other, {"ticket": ticket}) == 401
    assert await status(job, {"ticket": ticket + "x"}) == 401
    assert await status(job) == 401
    assert await status(job, Authorization=theirs) == 404
    assert (await in_thread(mine.post, "/api/auth/logout-all/")).status_code == 200
    assert await status(job, {"ticket": ticket}) == 401


async def test_many_listeners_cost_one_subscription_and_one_reading(web, world, api):
    from crm_backend.common.counters import redis_client
    from jobs.wake import changes_channel

    job = await in_thread(running, created_by=world.ours.broker_user)
    token = await in_thread(bearer, api, world.ours.broker_user)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        followers = [Follower(web, job, Authorization=token) for _ in range(LISTENERS)]
        tasks = [asyncio.create_task(follower.follow(client)) for follower in followers]
        await asyncio.wait_for(asyncio.gather(*(seen(follower, 1) for follower in followers)), 60)
        (_, subscribers), *_ = await asyncio.to_thread(redis_client().pubsub_numsub, changes_channel())
        assert subscribers == 1
        await in_thread(progress, job, 5)
        await asyncio.wait_for(asyncio.gather(*(seen(follower, 2) for follower in followers)), 30)
        await in_thread(finish, job)
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert {tuple(follower.names()) for follower in followers} == {("progress", "progress", "completed")}


async def test_what_redis_does_not_tell_is_found_all_the_same(world, monkeypatch):
    """One reading for all listeners, also when nobody is told of the change."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.2)
    job = await in_thread(running, created_by=world.ours.broker_user)
    readings = []

    def read(ids):
        readings.append(list(ids))
        return live.read(ids)

    feed = live.Feed(read)
    async with feed.following(job.pk) as one, feed.following(job.pk) as two:
        await asyncio.wait_for(one.bell.wait(), 10)
        readings.clear()
        one.bell.clear()
        two.bell.clear()
        # As a writer that is killed between its commit and its word to Redis.
        await in_thread(Job.objects.filter(pk=job.pk).update, done=4, total=10)
        await asyncio.wait_for(two.bell.wait(), 10)
        await asyncio.wait_for(one.bell.wait(), 10)
        assert one.latest["data"]["current"] == 4
        assert two.latest is one.latest
        assert all(ids == [job.pk] for ids in readings)
    assert feed.listeners == {}


async def test_a_subscription_that_breaks_is_made_again(world):
    from crm_backend.common.counters import redis_client

    job = await in_thread(running, created_by=world.ours.broker_user)
    feed = live.Feed()
    async with feed.following(job.pk) as listener:
        await asyncio.wait_for(listener.bell.wait(), 10)
        await asyncio.to_thread(lambda: redis_client().client_kill_filter(_type="pubsub"))
        listener.bell.clear()
        await in_thread(progress, job, 7)
        await asyncio.wait_for(listener.bell.wait(), 10)
        for _ in range(100):
            if listener.latest["data"]["current"] == 7:
                break
            await asyncio.sleep(0.1)
        assert listener.latest["data"]["current"] == 7


async def test_what_is_no_job_in_redis_disturbs_nobody(world):
    """The channel is one that other programs on the same Redis could write to."""
    from crm_backend.common.counters import redis_client
    from jobs.wake import changes_channel

    job = await in_thread(running, created_by=world.ours.broker_user)
    feed = live.Feed()
    async with feed.following(job.pk) as listener:
        await asyncio.wait_for(listener.bell.wait(), 10)
        for word in ("x", "", "-1", "9" * 30, b"\xff", "1 2"):
            await asyncio.to_thread(redis_client().publish, changes_channel(), word)
        listener.bell.clear()
        await in_thread(progress, job, 6)
        await asyncio.wait_for(listener.bell.wait(), 5)
        assert listener.latest["data"]["current"] == 6
