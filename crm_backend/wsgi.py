"""The WSGI application: HTTP alone, for the processes that do nothing else (ADR 15)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
application = get_wsgi_application()
