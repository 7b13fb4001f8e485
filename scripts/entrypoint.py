"""Start a process of the container, with a secret key that all containers share.

``SECRET_KEY`` comes from the environment. Without one, and outside production, a key is generated
on the volume ``/srv/secrets``, so that a first ``docker compose up`` needs no configuration.
Production never gets a generated key: whoever runs it must know where its key is kept. The key of
encrypted columns follows from the secret key where ``FIELD_ENCRYPTION_KEYS`` names none.
"""

import contextlib
import os
import secrets
import sys
from pathlib import Path

KEY = Path("/srv/secrets/secret-key")


def shared_key() -> str:
    """The key on the volume, made by whichever container comes first."""
    if not KEY.exists():
        draft = KEY.with_name(f"{KEY.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):  # another container was quicker
            os.link(draft, KEY)
        draft.unlink()
    return KEY.read_text()


if not os.environ.get("SECRET_KEY") and os.environ.get("ENVIRONMENT") in {"development", "test"}:
    os.environ["SECRET_KEY"] = shared_key()
os.execvp(sys.argv[1], sys.argv[1:])
