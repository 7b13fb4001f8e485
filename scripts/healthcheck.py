"""Exit with 0 when the web server of this container is ready; for Docker's HEALTHCHECK."""

import os
import sys
import urllib.request

# The server answers only to the names it has been given.
name = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
request = urllib.request.Request(
    "http://127.0.0.1:8000/health/ready/",
    headers={"Host": name if name not in {"", "*"} else "localhost"},
)
# Past any proxy that the environment names: this is about our own process.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(request, timeout=9) as answer:
        sys.exit(0 if answer.status == 200 else 1)
except OSError as error:
    sys.exit(f"not ready: {error}")
