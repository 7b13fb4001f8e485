"""The ASGI application with other deadlines, for tests that would otherwise wait for minutes.

`HASTE` is a JSON object from names such as `users.live.LIVE_MS` to their values.
"""

import json
import os
from importlib import import_module

from crm_backend.asgi import application

__all__ = ["application"]

for path, value in json.loads(os.environ["HASTE"]).items():
    module, _, name = path.rpartition(".")
    if not hasattr(import_module(module), name):
        raise AttributeError(path)
    setattr(import_module(module), name, value)
