"""Following jobs: one subscription for each process, however many listen.

Redis tells which jobs changed; what they are now is read from the database, once for all who follow them.
What Redis loses is found by looking every quarter of a minute, once for all as well. A listener who reads
slowly misses steps in between, never the last one, and holds nobody up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import redis.asyncio
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from crm_backend.common.threads import in_own_thread
from jobs.choices import JobStatus
from jobs.models import Job
from jobs.wake import changes_channel

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
PAUSE_SECONDS = 1.0
# As the stream calls them.
NAMES = {JobStatus.RUNNING: "processing", JobStatus.SUCCEEDED: "completed"}

Snapshot = dict[str, Any]


def snapshot(job: Job) -> Snapshot:
    """A job as its listeners see it; `revision` grows with every change."""
    return {
        "revision": job.revision,
        "is_finished": job.is_finished,
        "data": {
            "status": NAMES.get(JobStatus(job.status), job.status),
            "progress": job.percent,
            "current": job.done,
            "total": job.total,
            "counts": job.counts,
            "message": job.message,
            "result": job.result,
        },
    }


def read(ids: Collection[int]) -> dict[int, Snapshot]:
    """These jobs as they are now."""
    return {job.pk: snapshot(job) for job in Job.objects.filter(pk__in=ids)}


class Listener:
    """Who follows one job: the latest snapshot, and a bell. None when the job is gone."""

    def __init__(self) -> None:
        self.latest: Snapshot | None = None
        self.bell = asyncio.Event()

    def tell(self, now: Snapshot | None) -> None:
        """There is something new."""
        self.latest = now
        self.bell.set()


class Feed:
    """All listeners of one event loop, and the one task that serves them."""

    def __init__(self, reader: Callable[[Collection[int]], dict[int, Snapshot]] = read) -> None:
        self.listeners: dict[int, set[Listener]] = {}
        self._task: asyncio.Task[None] | None = None
        self._read = in_own_thread(reader)

    @contextlib.asynccontextmanager
    async def following(self, job_id: int) -> AsyncIterator[Listener]:
        """Be told of changes to a job from now on."""
        listener = Listener()
        self.listeners.setdefault(job_id, set()).add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())
        try:
            yield listener
        finally:
            others = self.listeners[job_id]
            others.discard(listener)
            if not others:
                del self.listeners[job_id]
            if not self.listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _serve(self) -> None:
        """Subscribe, and again when that breaks."""
        while True:
            try:
                await self._subscribed()
            except (RedisError, OSError) as error:
                logger.warning("jobs.feed_broken", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _subscribed(self) -> None:
        async with redis.asyncio.from_url(settings.REDIS_URL) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(changes_channel())
            loop = asyncio.get_running_loop()
            due = loop.time()  # what happened before the subscription, or while it was broken
            while True:
                message = await pubsub.get_message(timeout=max(0.0, due - loop.time()))
                if loop.time() >= due:
                    await self.look(list(self.listeners))
                    due = loop.time() + LOOK_SECONDS
                elif message is not None and message["type"] == "message" and message["data"].isdigit():
                    await self.look([int(message["data"])])

    async def look(self, ids: Collection[int]) -> None:
        """Read those of these jobs that somebody follows, and tell."""
        followed = [job_id for job_id in ids if job_id in self.listeners]
        if not followed:
            return
        try:
            now = await self._read(followed)
        except Exception as error:  # noqa: BLE001 - whatever it is, they are told a little later
            logger.warning("jobs.feed_unread", error=type(error).__name__)
            return
        for job_id in followed:
            for listener in tuple(self.listeners.get(job_id, ())):
                listener.tell(now.get(job_id))


_feeds: dict[asyncio.AbstractEventLoop, Feed] = {}


def feed() -> Feed:
    """The feed of the running event loop."""
    loop = asyncio.get_running_loop()
    for other in [one for one in _feeds if one.is_closed()]:
        del _feeds[other]
    return _feeds.setdefault(loop, Feed())
