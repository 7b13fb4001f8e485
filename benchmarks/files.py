"""`./crm bench --files`: documents up and down against the disk itself, and streams of events held.

The floor of an upload is writing the same bytes into the same folder, synced and renamed; that of a download
is reading them. Both sides take turns, and what counts are ratios.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comparing import Bench, benches, product_by
from benchmarks.sides import HOST, Side, resident

if TYPE_CHECKING:
    from crm_backend.embedded.servers import EmbeddedServers

SIZE = 2000  # applications in the book, whose number matters little here
MEGABYTE = 1024 * 1024
LARGE, SMALL = 20 * MEGABYTE, 100 * 1024
ROUNDS, FILES, CLIENTS = 5, 12, 2
BLOCK = 256 * 1024
STREAMS = 1000
BOUNDARY = "benchmark-boundary"
HEADERS = {"Host": "localhost"}


def run(started: EmbeddedServers, say: Callable[[str], None]) -> None:
    """Measure and say."""
    with benches(started, SIZE, "granian", floor=False) as bench:
        for size in (LARGE, SMALL):
            for line in _throughput(bench, size):
                say(line)
        with product_by("daphne", started, SIZE) as daphne:
            for line in _streams(bench, daphne):
                say(line)


# --- files ------------------------------------------------------------------------------------


def _scan(size: int) -> bytes:
    """A PDF as scanners make them: one large object, and a table of contents that is right."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        b"<< /Length 0 >>\nstream\n\nendstream",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (size, os.urandom(size)),
    ]
    output, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(output))
        output += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % one for one in places)
    output += b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(output)


def _throughput(bench: Bench, size: int) -> list[str]:
    from django.conf import settings

    folder = Path(settings.MEDIA_ROOT) / "documents" / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    content = _scan(size)
    names = [f"{number}" for number in range(FILES)]
    seconds: dict[str, list[float]] = {"up": [], "disk up": [], "down": [], "disk down": []}
    for _ in range(ROUNDS):
        seconds["disk up"].append(_timed(lambda name: _write(folder / name, content), names))
        seconds["disk down"].append(_timed(lambda name: _read(folder / name), names))
        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            made = list(pool.map(partial(_send, bench, content), names))
        seconds["up"].append(time.perf_counter() - began)
        fetch = partial(_fetch, bench, len(content))
        seconds["down"].append(_timed(fetch, made))
        for pk in made:
            bench.product.ask("DELETE", f"/api/documents/documents/{pk}/", bench.tokens["admin"])
    for name in names:
        (folder / name).unlink()
    folder.rmdir()
    lines = []
    for way in ("up", "down"):
        ours, disk = statistics.median(seconds[way]), statistics.median(seconds[f"disk {way}"])
        rate = FILES * len(content) / ours / MEGABYTE
        lines.append(
            f"{way:<5} {size / MEGABYTE:6.1f} MB each: {rate:7.1f} MB/s, {FILES / ours:6.1f} files/s, "
            f"{disk / ours:5.0%} of the disk ({FILES * len(content) / disk / MEGABYTE:.0f} MB/s)"
        )
    return lines


def _timed(act: Callable[[Any], object], names: Sequence[Any]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(act, names))
    return time.perf_counter() - started


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _read(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(BLOCK):
            pass


def _send(bench: Bench, content: bytes, name: str) -> int:
    application = bench.book.application(0.5).pk
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="application"\r\n\r\n{application}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = HTTPConnection(HOST, bench.product.port, timeout=120)
    connection.putrequest("POST", "/api/documents/documents/", skip_host=True)
    for header, value in {
        **HEADERS,
        "Authorization": f"Bearer {bench.tokens['admin']}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(head) + len(content) + len(tail)),
    }.items():
        connection.putheader(header, value)
    connection.endheaders()
    for part in (head, content, tail):
        connection.send(part)
    reply = connection.getresponse()
    body = json.loads(reply.read())
    connection.close()
    if reply.status != 201:
        raise RuntimeError(f"upload: {reply.status} {body}")
    return int(body["id"])


def _fetch(bench: Bench, size: int, pk: int) -> None:
    connection = HTTPConnection(HOST, bench.product.port, timeout=120)
    headers = {**HEADERS, "Authorization": f"Bearer {bench.tokens['admin']}"}
    connection.request("GET", f"/api/documents/documents/{pk}/download/", headers=headers)
    reply = connection.getresponse()
    got = 0
    while block := reply.read(BLOCK):
        got += len(block)
    connection.close()
    if got != size:
        raise RuntimeError(f"download: {reply.status}, {got} of {size} bytes")


# --- streams ----------------------------------------------------------------------------------


def _streams(bench: Bench, daphne: Side) -> list[str]:
    from datetime import timedelta

    from django.utils import timezone

    from jobs.choices import JobStatus
    from jobs.models import Job
    from jobs.wake import tell_of_change

    now = timezone.now()
    job = Job.objects.create(
        kind="benchmark",
        status=JobStatus.RUNNING,
        created_by=bench.book.users["admin"],
        attempts=1,
        created_at=now,
        enqueued_at=now,
        lease_until=now + timedelta(hours=1),
    )

    def change(**values: object) -> None:
        Job.objects.filter(pk=job.pk).update(**values)
        tell_of_change(job.pk)

    try:
        before = resident(daphne.child.pid)
        held = asyncio.run(_hold(daphne, bench.tokens["admin"], job.pk, change))
        grown = (held.resident - before) / STREAMS
    finally:
        job.delete()
    return [
        f"{STREAMS} streams of one job opened in {held.opening:.1f} s; {grown / 1024:.0f} KiB each",
        f"a change reaches the last of them after {held.reaching * 1000:.0f} ms (median of {ROUNDS})",
    ]


class _Held:
    opening = reaching = 0.0
    resident = 0


async def _hold(daphne: Side, token: str, pk: int, change: Callable[..., None]) -> _Held:
    held, started = _Held(), time.perf_counter()
    request = (
        f"GET /api/jobs/{pk}/stream/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    readers: list[asyncio.StreamReader] = []
    writers: list[asyncio.StreamWriter] = []
    for _ in range(STREAMS // 50):
        opened = await asyncio.gather(*(asyncio.open_connection(HOST, daphne.port) for _ in range(50)))
        for reader, writer in opened:
            writer.write(request)
            readers.append(reader)
            writers.append(writer)
        await asyncio.gather(*(reader.readuntil(b"data: ") for reader, _ in opened))
    held.opening = time.perf_counter() - started
    held.resident = resident(daphne.child.pid)
    times = []
    for done in range(1, ROUNDS + 1):
        began = time.perf_counter()
        await asyncio.to_thread(change, done=done, total=10)
        await asyncio.gather(*(reader.readuntil(b"data: ") for reader in readers))
        times.append(time.perf_counter() - began)
    held.reaching = statistics.median(times)
    for writer in writers:
        writer.close()
    return held
