"""Real servers and workers: crashes in the middle, many at once, and the memory that a big file takes."""

import contextlib
import http.client
import re
import socket
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from documents.models import Document, DocumentVersion, StoredFile
from documents.services.files import files_clean_up
from documents.storage import document_storage, incoming_folder
from jobs.models import Job
from tests.documents import makers, signing
from tests.processes import Web, wait_for, worker
from tests.threads import together

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

MEGABYTE = 1024 * 1024
BOUNDARY = "-----------------boundary"


@pytest.fixture
def start(world, tmp_path):
    """`start(server)`: a running web server; `start.worker()`: a worker."""
    with ExitStack() as stack:

        def web(server="granian"):
            process = Web(tmp_path, server=server)
            stack.callback(process.kill)
            return process

        def work():
            process = worker(tmp_path)
            stack.callback(process.kill)
            return process

        web.worker = work
        yield web
    for log in tmp_path.glob("*.log"):
        print(f"--- {log.name}\n{log.read_text()[-2000:]}")  # noqa: T201


def part(name, value, filename=None, kind=None):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"\r\nContent-Type: {kind}' if filename else ""
    return f"{head}\r\n\r\n".encode() + value


def token(api, user):
    return f"Bearer {api(user).tokens.access}"


def form(application, content):
    return {"data": {"application": application.pk}, "files": {"file": ("a.pdf", content)}}


def stored_files():
    root = Path(settings.MEDIA_ROOT) / "documents"
    return {path for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("server", ["granian", "daphne"])
def test_a_server_that_is_killed_in_the_middle_of_an_upload(world, api, start, server):
    before, login = stored_files(), token(api, world.ours.broker_user)
    web = start(server)
    body = part("application", str(world.ours.application.pk).encode()) + b"\r\n"
    body += part("file", makers.pdf(), "a.pdf", "application/pdf")
    connection = http.client.HTTPConnection("127.0.0.1", web.port)
    connection.putrequest("POST", "/api/documents/documents/")
    connection.putheader("Authorization", login)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(40 * MEGABYTE))
    connection.endheaders()
    connection.send(body + b" " * 20 * MEGABYTE)
    if server == "granian":  # daphne reads all of it before the application hears of it
        wait_for(lambda: any(incoming_folder().iterdir()), what="the beginning of the file")
    web.kill()
    connection.close()
    assert not Document.objects.exists()
    assert not StoredFile.objects.exists()
    left = stored_files() - before
    assert all(path.parent == incoming_folder() for path in left)
    assert files_clean_up() == 0
    assert stored_files() - before == left  # another upload may be going on
    for path in left:
        import os

        os.utime(path, (time.time() - 3700, time.time() - 3700))
    files_clean_up()
    assert stored_files() - before == set()


def test_a_process_that_is_killed_between_file_and_row(world, tmp_path):
    """Killed by itself right after the bytes are in the storage: the clean-up finds them by their row."""
    from tests.processes import Process

    script = (
        "import django, os, signal; django.setup()\n"
        "from documents.services.files import file_keep\n"
        "file_keep(content=b'%PDF-1.4 left behind', content_type='application/pdf')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "left_behind.py").write_text(script)
    process = Process(tmp_path / "left.log", "left_behind", variables={"PYTHONPATH": f"{tmp_path}:."})
    process.child.wait(timeout=60)
    stored = StoredFile.objects.get()
    assert document_storage().exists(stored.key)
    assert files_clean_up() == 0
    StoredFile.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert files_clean_up() == 1
    assert not document_storage().exists(stored.key)
    assert not StoredFile.objects.exists()


def test_which_version_is_current_is_never_in_doubt(world, api, start):
    """Many versions at once over HTTP: each has a number of its own, and the last of them is current."""
    web, login = start(), token(api, world.ours.broker_user)
    document = makers.document_of(world.ours.application, world.ours.broker_user)
    url = f"http://127.0.0.1:{web.port}/api/documents/documents/{document.pk}/"

    def add(number):
        reply = httpx.post(
            f"{url}create-version/",
            files={"file": (f"v{number}.pdf", makers.pdf(f"Number {number}"))},
            headers={"Authorization": login},
            timeout=60,
        )
        assert reply.status_code == 201, reply.text
        return reply.json()["current"]

    def look():
        return httpx.get(url, headers={"Authorization": login}, timeout=60).json()["current"]["number"]

    currents = together(*[lambda n=n: add(n) for n in range(12)], *[look] * 4)
    numbers = sorted(one["number"] for one in currents[:12])
    assert numbers == list(range(2, 14))
    # Each reply shows the version that it made as the current one.
    assert {one["name"] for one in currents[:12]} == {f"v{n}.pdf" for n in range(12)}
    assert all(1 <= seen <= 13 for seen in currents[12:])
    document.refresh_from_db()
    assert document.current.number == 13
    assert list(document.versions.order_by("number").values_list("number", flat=True)) == list(range(1, 14))


def resident(web):
    """Megabytes of memory of a server and its children."""
    import subprocess

    rows = subprocess.run(
        ["ps", "-o", "rss=", "-g", str(web.child.pid)], capture_output=True, text=True, check=True
    ).stdout
    return sum(map(int, rows.split())) / 1024


@pytest.mark.parametrize("server", ["granian", "daphne"])
def test_big_files_go_up_and_down_in_little_memory(world, api, start, server):
    size = 45 * MEGABYTE
    content = makers.pdf()[:-6] + b" " * size + b"%%EOF\n"
    web, login = start(server), token(api, world.ours.broker_user)
    url = f"http://127.0.0.1:{web.port}/api/documents/documents/"
    headers = {"Authorization": login}
    with httpx.Client(timeout=120, headers=headers) as client:
        for _ in range(3):
            small = client.post(url, **form(world.ours.application, makers.pdf()))
            assert small.status_code == 201, small.text
            client.get(f"{url}{small.json()['id']}/download/")
        before, most = resident(web), [0.0]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.02):
                most[0] = max(most[0], resident(web))

        watcher = threading.Thread(target=watch)
        watcher.start()
        reply = client.post(url, **form(world.ours.application, content))
        assert reply.status_code == 201, reply.text
        got = 0
        with client.stream("GET", f"{url}{reply.json()['id']}/download/") as down:
            assert down.headers["content-length"] == str(len(content))
            for block in down.iter_bytes():
                got += len(block)
                if got < 10 * MEGABYTE:
                    time.sleep(0.001)  # a client that is slower than the disk
        stop.set()
        watcher.join()
    assert got == len(content)
    # Daphne itself holds a request once, until the application has taken it.
    allowed = size / MEGABYTE * (1.8 if server == "daphne" else 0.5)
    assert most[0] - before < allowed, (before, most)


@pytest.mark.parametrize("server", ["granian", "daphne"])
def test_a_download_is_resumed_over_a_real_server(world, api, start, server):
    web, login = start(server), token(api, world.ours.broker_user)
    content = makers.pdf(*[f"Page {n}" for n in range(3000)])
    document = makers.document_of(world.ours.application, world.ours.broker_user, content)
    url = f"http://127.0.0.1:{web.port}/api/documents/documents/{document.pk}/download/"
    with httpx.Client(timeout=60, headers={"Authorization": login, "Accept-Encoding": "gzip"}) as client:
        with client.stream("GET", url) as reply:
            first = next(reply.iter_raw(1000))
            etag = reply.headers["etag"]
        rest = client.get(url, headers={"Range": f"bytes={len(first)}-", "If-Range": etag})
        assert rest.status_code == 206
        assert first + rest.content == content
        assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
        beyond = client.get(url, headers={"Range": "bytes=99999999-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
        head = client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(content))
        assert client.get(url).content == content  # the connection is good after HEAD


def test_a_worker_that_is_killed_over_a_batch(world, api, start, monkeypatch):
    monkeypatch.setenv("JOB_LEASE_SECONDS", "3")
    client = api(world.ours.broker_user)
    pages = [f"Page {n}" for n in range(400)]
    files = [makers.upload(makers.pdf(f"File {n}", *pages), f"{n}.pdf") for n in range(12)]
    body = {"application": world.ours.application.pk, "files": files}
    batch = client.post("/api/documents/batches/", body, format="multipart").json()

    def state():
        return client.get(f"/api/jobs/{batch['job']}/").json()

    first = start.worker()
    wait_for(lambda: 0 < Document.objects.count() < 10, what="some documents")
    first.kill()
    assert state()["status"] == "running"
    start.worker()
    wait_for(lambda: state()["status"] == "succeeded", seconds=150, what="the end")
    assert state()["attempts"] == 2
    assert state()["counts"] == {"kept": 12}
    assert sorted(Document.objects.values_list("title", flat=True)) == sorted(str(n) for n in range(12))
    versions = DocumentVersion.objects.values_list("status", "pages")
    assert set(versions) == {("ready", 401)}
    assert Job.objects.get().is_finished


def test_a_file_over_which_a_worker_was_killed_is_read_by_another(world, api, start):
    document = makers.document_of(world.ours.application, world.admin, makers.pdf("Kalgoorlie"))
    # As a worker leaves it that is killed over it: claimed, and its lease over.
    over = timezone.now() - timedelta(seconds=1)
    DocumentVersion.objects.update(attempts=1, lease_until=over)
    start.worker()
    wait_for(lambda: DocumentVersion.objects.get().status == "ready", seconds=90, what="the sweep")
    assert DocumentVersion.objects.get().attempts == 2
    reply = api(world.admin).get("/api/documents/documents/", {"search": "kalgoorlie"})
    assert [row["id"] for row in reply.json()["results"]] == [document.pk]


def test_nginx_routes_uploads_with_room_for_a_batch():
    text = (
        (Path(settings.BASE_DIR) if hasattr(settings, "BASE_DIR") else Path.cwd())
        .joinpath("docker/nginx.conf")
        .read_text()
    )
    most = int(re.search(r"client_max_body_size (\d+)m;\s+proxy_max_temp", text)[1])
    assert most * MEGABYTE > settings.DOCUMENT_BATCH_BYTES


def killed_at(tmp_path, name, where):
    """A process that seals what is owed and is killed with -9 at a place of that work."""
    from tests.processes import Process

    script = (
        "import django, os, signal; django.setup()\n"
        "from documents.services import sealing\n"
        "def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{where} = die\n"
        "sealing.requests_seal()\n"
    )
    (tmp_path / f"{name}.py").write_text(script)
    process = Process(tmp_path / f"{name}.log", name, variables={"PYTHONPATH": f"{tmp_path}:."})
    assert process.child.wait(timeout=90) == -9


@pytest.mark.parametrize(
    "where",
    ["sealing.seal", "sealing.request_complete", "sealing.emit"],
    ids=["before the file", "after the file", "before the end"],
)
def test_a_worker_that_is_killed_while_it_seals(world, api, start, tmp_path, where):
    document = signing.document_of(world.ours.application, world.ours.bd_user)
    request = signing.request_of(document, world.ours.bd_user, world.ours.client_user)
    body = {"consent": True, "typed_name": "Bea Borrower"}
    client = api(world.ours.client_user)
    assert client.post(f"/api/documents/signature-requests/{request.pk}/sign/", body).status_code == 200
    killed_at(tmp_path, "killed_sealing", where)
    request.refresh_from_db()
    assert (request.status, document.versions.count()) == ("sealing", 1)
    start.worker()

    def is_completed():
        request.refresh_from_db()
        return request.status == "completed"

    wait_for(is_completed, seconds=90, what="the sweep")
    assert document.versions.count() == 2
    verified = api(world.admin).get(f"/api/documents/signature-requests/{request.pk}/verify/").json()
    assert verified["is_intact"] is True
    StoredFile.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    files_clean_up()
    assert StoredFile.objects.count() == 2


def test_a_worker_that_is_killed_over_a_letter(world, api, start, tmp_path, monkeypatch):
    """Killed between the file and its document: the letter is made once, and the first file is cleaned up."""
    from tests.processes import Process

    monkeypatch.setenv("JOB_LEASE_SECONDS", "3")
    client = api(world.ours.bd_user)
    reply = client.post("/api/templates/indicative/generate/", {"application": world.ours.application.pk})
    job = reply.json()["id"]
    script = (
        "import django, os, signal; django.setup()\n"
        "from documents.services import letters\n"
        "from jobs.services.running import job_run\n"
        "def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)\n"
        "letters.document_create = die\n"
        f"job_run({job})\n"
    )
    (tmp_path / "killed_letter.py").write_text(script)
    process = Process(
        tmp_path / "killed_letter.log", "killed_letter", variables={"PYTHONPATH": f"{tmp_path}:."}
    )
    assert process.child.wait(timeout=90) == -9
    assert (Job.objects.get(pk=job).status, StoredFile.objects.count()) == ("running", 1)
    start.worker()
    wait_for(lambda: Job.objects.get(pk=job).is_finished, seconds=120, what="the letter")
    assert (Job.objects.get(pk=job).status, Job.objects.get(pk=job).attempts) == ("succeeded", 2)
    assert Document.objects.count() == 1
    StoredFile.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    files_clean_up()
    assert StoredFile.objects.count() == 1


@pytest.mark.parametrize("server", ["granian", "daphne"])
def test_a_client_that_hangs_up_in_the_middle_of_an_upload_leaves_nothing(world, api, start, server):
    before, login = stored_files(), token(api, world.ours.broker_user)
    web = start(server)
    body = part("application", str(world.ours.application.pk).encode()) + b"\r\n"
    body += part("file", makers.pdf(), "a.pdf", "application/pdf")
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", web.port)
        connection.putrequest("POST", "/api/documents/documents/")
        connection.putheader("Authorization", login)
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Content-Length", str(30 * MEGABYTE))
        connection.endheaders()
        connection.send(body + b" " * 5 * MEGABYTE)
        connection.close()
    with httpx.Client(timeout=60, headers={"Authorization": login}) as client:
        url = f"http://127.0.0.1:{web.port}/api/documents/documents/"
        assert client.post(url, **form(world.ours.application, makers.pdf())).status_code == 201
    incoming = {path for path in before if path.parent == incoming_folder()}
    wait_for(lambda: set(incoming_folder().iterdir()) <= incoming, what="the end of those uploads")
    assert Document.objects.count() == StoredFile.objects.count() == 1
    assert len(stored_files() - before) == 1


def test_an_archive_of_big_files_takes_little_memory(world, api, start):
    """25 files of 20 MB each; a document that is deleted while it is sent cuts it short, and is noticed."""
    user = world.ours.broker_user
    content = makers.pdf()[:-6] + b" " * 20 * MEGABYTE + b"%%EOF\n"
    batch = makers.batch_of(world.ours.application, user)
    rows = [makers.document_of(world.ours.application, user, content, name=f"{n}.pdf") for n in range(25)]
    batch.files.all().delete()
    batch.files.bulk_create(
        batch.files.model(batch=batch, position=n, name=f"{n}.pdf", outcome="kept", document=one)
        for n, one in enumerate(rows)
    )
    web, login = start(), token(api, user)
    url = f"http://127.0.0.1:{web.port}/api/documents/batches/{batch.pk}/download/"
    with httpx.Client(timeout=120, headers={"Authorization": login}) as client:
        client.get(f"http://127.0.0.1:{web.port}/api/documents/documents/")
        before, most, got = resident(web), 0.0, 0
        with client.stream("GET", url) as reply:
            assert reply.status_code == 200
            for number, block in enumerate(reply.iter_bytes(1024 * 1024)):
                got += len(block)
                if number % 20 == 0:
                    most = max(most, resident(web))
        assert got == int(reply.headers["content-length"]) > 500 * MEGABYTE
        assert most - before < 60, (before, most)


@pytest.mark.parametrize("says_so", [True, False])
@pytest.mark.parametrize("server", ["granian", "daphne"])
def test_an_upload_that_is_cut_short_is_not_taken_for_whole(world, api, start, server, says_so):
    """A text has no end of its own by which it could be told."""
    before, login = stored_files(), token(api, world.ours.broker_user)
    web = start(server)
    body = part("application", str(world.ours.application.pk).encode()) + b"\r\n"
    body += part("file", b"A line of a statement.\n" * 1000, "statement.txt", "text/plain")
    connection = http.client.HTTPConnection("127.0.0.1", web.port)
    connection.putrequest("POST", "/api/documents/documents/")
    connection.putheader("Authorization", login)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(body) + 100_000))
    connection.endheaders()
    connection.send(body)
    if says_so:
        connection.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(http.client.HTTPException, OSError):
            assert connection.getresponse().status == 400
    connection.close()
    with httpx.Client(timeout=60, headers={"Authorization": login}) as client:
        url = f"http://127.0.0.1:{web.port}/api/documents/documents/"
        assert client.post(url, **form(world.ours.application, makers.pdf())).status_code == 201
    assert [one.current.name for one in Document.objects.all()] == ["a.pdf"]
    assert len(stored_files() - before) == 1
