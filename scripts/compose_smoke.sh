#!/usr/bin/env bash
# Build and start everything with Docker Compose under a name and port of its own, check that it
# works from outside, and take it all down again, volumes included.
#
#   scripts/compose_smoke.sh                             with `docker compose`
#   COMPOSE="docker-compose" scripts/compose_smoke.sh    with docker-compose 1.29
#   KEEP=1 scripts/compose_smoke.sh                      leave it running
set -euo pipefail
cd "$(dirname "$0")/.."

read -r -a compose <<<"${COMPOSE:-docker compose}"
project=crm-smoke-$$
WEB_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export WEB_PORT IMAGE_TAG=$project

in_project() { "${compose[@]}" -p "$project" "$@"; }

take_down() {
  local code=$?
  if ((code)); then in_project ps; in_project logs --tail 40; fi
  if [[ -z ${KEEP:-} ]]; then
    in_project down --volumes --remove-orphans >/dev/null 2>&1 || true
    docker image rm "crm-backend:$project" >/dev/null 2>&1 || true
  fi
  exit "$code"
}
trap take_down EXIT

echo "== build"; in_project build
echo "== up on port $WEB_PORT"; in_project up -d
wait_for() {  # wait_for SERVICE: until it is healthy
  local container state
  container=$(in_project ps -q "$1")
  for ((i = 0; i < 180; i++)); do
    state=$(docker inspect -f '{{.State.Health.Status}}' "$container")
    [[ $state == healthy ]] && return
    sleep 1
  done
  echo "$1 is $state"
  return 1
}

check() { python3 scripts/smoke_checks.py "127.0.0.1:$WEB_PORT"; }
make_administrator() {
  in_project exec -T -e DJANGO_SUPERUSER_PASSWORD="$1" web manage createsuperuser \
    --no-input --email admin@example.com --first_name Ada --last_name Min
}

echo "== wait until it is healthy"
for service in web sockets nginx; do wait_for "$service"; done
echo "== check from outside"; check
echo "== the same with new containers behind nginx"
in_project up -d --no-deps --force-recreate sockets web
for service in web sockets; do wait_for "$service"; done
sleep 6  # as long as nginx believes an address
check
echo "== files, a batch in the worker, its stream"
password=$(python3 -c 'import secrets; print(secrets.token_urlsafe(18))')
make_administrator "$password"
python3 scripts/smoke_files.py "127.0.0.1:$WEB_PORT" admin@example.com "$password"
echo "== worker and beat run"
for service in worker beat; do
  [[ $(docker inspect -f '{{.State.Running}}' "$(in_project ps -q "$service")") == true ]]
done
echo "All good."
