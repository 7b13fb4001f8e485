# One image for every process: web, worker, beat and the migrate step differ in their command.

FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements/runtime.txt /tmp/runtime.txt
# Wheels only: the final image has no compiler, and nothing here may come to need one unnoticed.
RUN /venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/runtime.txt \
 && /venv/bin/pip uninstall -y -q pip

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/srv/static MEDIA_ROOT=/srv/media
RUN groupadd --gid 10001 crm \
 && useradd --uid 10001 --gid crm --home-dir /app --no-create-home --shell /usr/sbin/nologin crm \
 && install -d -o crm -g crm /srv/media /srv/secrets /app/var
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# These values serve this one command; nothing connects to the addresses.
RUN ENVIRONMENT=development SECRET_KEY=only-to-collect-static-files \
    DATABASE_URL=postgres://none:none@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
    python manage.py collectstatic --no-input
# `docker compose exec web manage …`: with the key that the entry point finds for all processes.
RUN printf '#!/bin/sh\nexec python /app/scripts/entrypoint.py python /app/manage.py "$@"\n' > /usr/local/bin/manage \
 && chmod 755 /usr/local/bin/manage
USER crm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "scripts/healthcheck.py"]
ENTRYPOINT ["python", "scripts/entrypoint.py"]
# -v 0: no access log of its own, which would hold the tokens of WebSocket addresses.
CMD ["daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "crm_backend.asgi:application"]
