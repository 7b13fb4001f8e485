"""The WSGI application: HTTP alone, for the processes that do nothing else (ADR 18)."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
django_application = get_wsgi_application()
# Import every view now: else the first callers after a start would wait for it.
get_resolver().url_patterns  # noqa: B018 - looked at for what it loads

# Above it imports models, which are there only now.
from crm_backend.common.garbage import serve  # noqa: E402
from crm_backend.common.lane import LaneApplication  # noqa: E402
from crm_backend.common.write_lane import WriteLaneApplication  # noqa: E402

application = WriteLaneApplication(LaneApplication(django_application))
serve()
