"""Folders for servers: cleaned up afterwards, also outside the folder where root needs that."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm_backend.embedded.servers import EmbeddedServers

MakeServers = Callable[..., EmbeddedServers]


@pytest.fixture
def make_servers(tmp_path: Path) -> Iterator[MakeServers]:
    """Make servers in a named folder; whatever they left is stopped and deleted at the end."""
    made: list[EmbeddedServers] = []

    def make(name: str = "one", *, durable: bool = True) -> EmbeddedServers:
        servers = EmbeddedServers(tmp_path / name, durable)
        made.append(servers)
        return servers

    yield make
    for servers in made:
        servers.stop()
    for servers in made:
        servers.destroy()


@pytest.fixture
def closed_folder(tmp_path: Path) -> Path:
    """A folder that only its owner can go through, like /root."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    if os.geteuid() != 0:
        pytest.skip("only root starts servers as another user")
    return folder
