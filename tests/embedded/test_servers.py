"""The embedded servers: they keep data, survive kills, and leave strangers alone."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from crm_backend.embedded import places
from crm_backend.embedded.base import is_free
from crm_backend.embedded.errors import EmbeddedServerError, ServersInUseError
from crm_backend.embedded.postgres import Postgres
from crm_backend.embedded.processes import Record, wait_until
from crm_backend.embedded.servers import EmbeddedServers
from tests.embedded.conftest import MakeServers

ROOT = Path(__file__).resolve().parents[2]


def put(servers: EmbeddedServers, value: str) -> None:
    with psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])
    with redis.from_url(servers.redis_url) as client:
        client.rpush("kept", value)
        # What the append-only file has is at most a second old; wait for it, as a crash test must.
        client.execute_command("WAITAOF", 1, 0, 5000)


def kept(servers: EmbeddedServers) -> tuple[list[str], list[str]]:
    with psycopg.connect(servers.database_url) as connection:
        rows = connection.execute("SELECT value FROM kept").fetchall()
    with redis.from_url(servers.redis_url, decode_responses=True) as client:
        return [row[0] for row in rows], list(client.lrange("kept", 0, -1))


def record(servers: EmbeddedServers, name: str) -> Record:
    found = Record.read(getattr(servers, name).directory / "process.json")
    assert found is not None
    return found


def start_and_be_killed(root: Path) -> None:
    """Start the servers in another process, and kill that one without warning."""
    code = (
        "import sys, time; from pathlib import Path;"
        "from crm_backend.embedded.servers import EmbeddedServers;"
        "EmbeddedServers(Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    child.kill()
    child.wait()
    child.stdout.close()


def test_both_answer_and_stop(make_servers: MakeServers) -> None:
    servers = make_servers()
    with servers:
        put(servers, "a")
        processes = [record(servers, name) for name in ("postgres", "valkey")]
        ports = [servers.postgres.port, servers.valkey.port]
        assert all(20000 <= port < 32768 for port in ports)
    assert not any(process.alive() for process in processes)
    assert all(is_free(port) for port in ports)


def test_extensions_are_there(make_servers: MakeServers) -> None:
    with make_servers() as servers, psycopg.connect(servers.database_url) as connection:
        for extension in ("pg_trgm", "btree_gist", "citext"):
            connection.execute(f"CREATE EXTENSION {extension}")


def test_a_restart_keeps_data_and_addresses(make_servers: MakeServers) -> None:
    servers = make_servers()
    with servers:
        put(servers, "a")
        before = servers.database_url, servers.redis_url
    with servers:
        assert kept(servers) == (["a"], ["a"])
        assert (servers.database_url, servers.redis_url) == before


def test_a_password_is_required_and_private(make_servers: MakeServers) -> None:
    with make_servers() as servers:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(servers.database_url.replace(servers.postgres.password, "wrong"))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=servers.valkey.port).ping()
        for server in (servers.postgres, servers.valkey):
            mode = (server.directory / "password").stat().st_mode
            assert stat.S_IMODE(mode) == 0o600
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    assert server.password.encode() not in line.read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_starts_again_with_its_data(make_servers: MakeServers, name: str) -> None:
    servers = make_servers()
    servers.start()
    put(servers, "a")
    record(servers, name).kill(signal.SIGKILL)
    server = getattr(servers, name)
    assert wait_until(lambda: not server.running, seconds=10)
    server.start()
    assert kept(servers) == (["a"], ["a"])


def test_a_killed_parent_takes_its_servers_along_or_the_next_start_does(
    make_servers: MakeServers,
) -> None:
    servers = make_servers()
    with servers:
        put(servers, "a")
    start_and_be_killed(servers.postgres.directory.parent)
    if sys.platform == "linux":
        left = [record(servers, name) for name in ("postgres", "valkey")]
        assert wait_until(lambda: not any(process.alive() for process in left), seconds=20)
    with servers:
        assert kept(servers) == (["a"], ["a"])


def test_a_server_left_behind_is_stopped_by_the_next_start(make_servers: MakeServers) -> None:
    servers = make_servers()
    servers.start()
    put(servers, "a")
    left = record(servers, "postgres")
    # As after a kill on a system without a parent-death signal: the lock is gone, the server not.
    servers.postgres._release()
    second = Postgres(servers.postgres.directory)
    second.start()
    try:
        assert not left.alive()
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchall() == [("a",)]
    finally:
        second.stop()


def test_a_second_user_of_the_same_folder_is_refused(make_servers: MakeServers) -> None:
    with make_servers() as servers:
        with pytest.raises(ServersInUseError, match="in use by another command"):
            make_servers().start()
        assert servers.postgres.running


def test_two_folders_side_by_side(make_servers: MakeServers) -> None:
    with make_servers("one") as one, make_servers("two") as two:
        put(one, "1")
        put(two, "2")
        assert kept(one) == (["1"], ["1"])
        assert kept(two) == (["2"], ["2"])


def test_a_taken_port_is_replaced(make_servers: MakeServers) -> None:
    one, two = make_servers("one"), make_servers("two")
    with one:
        put(one, "1")
    with two:
        for mine, taken in ((one.postgres, two.postgres), (one.valkey, two.valkey)):
            (mine.directory / "port").write_text(str(taken.port))
        with one:
            assert one.postgres.port != two.postgres.port
            assert kept(one) == (["1"], ["1"])


def test_a_stranger_with_the_number_of_a_killed_server_is_left_alone(
    make_servers: MakeServers,
) -> None:
    servers = make_servers()
    with servers:
        put(servers, "a")
        data = servers.postgres._data
        pid_file = (data / "postmaster.pid").read_bytes()
    account = places.account_for(servers.postgres.directory)
    stranger = subprocess.Popen(["sleep", "600"], user=account.uid if account else None)
    try:
        lines = pid_file.split(b"\n")
        stale = b"\n".join([str(stranger.pid).encode(), *lines[1:]])
        (data / "postmaster.pid").write_bytes(stale)
        if account:
            os.chown(data / "postmaster.pid", account.uid, account.gid)
        wrong = Record(pid=stranger.pid, mark="of an earlier process")
        text = f'{{"pid": {wrong.pid}, "mark": "{wrong.mark}"}}'
        (servers.postgres.directory / "process.json").write_text(text)
        with servers:
            assert kept(servers) == (["a"], ["a"])
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_folder_that_the_servers_user_cannot_reach(make_servers: MakeServers, closed_folder: Path) -> None:
    servers = make_servers("closed/one")
    with servers:
        put(servers, "a")
        assert places.FALLBACK in servers.postgres._data.parents
    with servers:
        assert kept(servers) == (["a"], ["a"])
    fallback = places.fallback_for(servers.postgres.directory)
    assert fallback.exists()
    servers.destroy()
    assert not fallback.exists()
    assert stat.S_IMODE(closed_folder.stat().st_mode) == 0o700


def test_programs_that_the_servers_user_cannot_reach(
    make_servers: MakeServers, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = Path(psycopg.__file__).parents[1]
    can_reach = places.can_reach
    monkeypatch.setattr(
        places,
        "can_reach",
        lambda path, account: packages not in path.parents and can_reach(path, account),
    )
    # Not in tmp_path, which is itself closed to others.
    fallback = Path(tempfile.mkdtemp(prefix="crm-embedded-", dir="/var/tmp"))
    fallback.chmod(0o755)
    monkeypatch.setattr(places, "FALLBACK", fallback)
    try:
        with make_servers("closed/one") as servers:
            put(servers, "a")
            assert kept(servers) == (["a"], ["a"])
        copies = sorted(path.name.partition("-")[0] for path in fallback.glob("*-*"))
        assert copies == ["postgres", "valkey"]
    finally:
        shutil.rmtree(fallback)


def test_a_cluster_that_was_half_made_is_made_again(make_servers: MakeServers) -> None:
    servers = make_servers()
    servers.postgres.directory.mkdir(parents=True)
    account = places.account_for(servers.postgres.directory)
    data = places.data_directory(servers.postgres.directory, account)
    draft = data.with_name("data.new")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    with servers:
        put(servers, "a")


def test_data_of_another_version_is_refused_and_kept(make_servers: MakeServers) -> None:
    servers = make_servers()
    with servers:
        put(servers, "a")
    version = servers.postgres._data / "PG_VERSION"
    right = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 12"):
        servers.postgres.start()
    version.write_text(right)
    with servers:
        assert kept(servers) == (["a"], ["a"])


def test_throwaway_servers_begin_anew_after_a_kill(make_servers: MakeServers) -> None:
    servers = make_servers(durable=False)
    servers.start()
    put_only_in_postgres = psycopg.connect(servers.database_url, autocommit=True)
    put_only_in_postgres.execute("CREATE TABLE kept (value text)")
    put_only_in_postgres.close()
    record(servers, "postgres").kill(signal.SIGKILL)
    assert wait_until(lambda: not servers.postgres.running, seconds=10)
    servers.postgres.start()
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_stopping_is_quick_with_a_client_connected(make_servers: MakeServers) -> None:
    servers = make_servers()
    servers.start()
    client = psycopg.connect(servers.database_url)
    started = time.monotonic()
    servers.stop()
    assert time.monotonic() - started < 5
    client.close()
