"""The demo logins of an installation: passwords made by chance, in a file that only its owner can read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Login:
    """What to log in with."""

    email: str
    password: str


def write_logins(path: Path, logins: Mapping[str, Login]) -> None:
    """Write them by role, replacing an older file at once, never showing half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({str(role): asdict(login) for role, login in logins.items()}, indent=2)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
        file.write(text + "\n")
    draft.replace(path)
