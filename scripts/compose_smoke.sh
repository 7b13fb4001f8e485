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
echo "== wait until it is healthy"
web=$(in_project ps -q web)
for ((i = 0; i < 120; i++)); do
  state=$(docker inspect -f '{{.State.Health.Status}}' "$web")
  [[ $state == healthy ]] && break
  sleep 1
done
[[ $state == healthy ]] || { echo "web is $state"; exit 1; }
echo "== check from outside"; python3 scripts/smoke_checks.py "127.0.0.1:$WEB_PORT"
echo "== worker and beat run"
for service in worker beat; do
  [[ $(docker inspect -f '{{.State.Running}}' "$(in_project ps -q "$service")") == true ]]
done
echo "All good."
