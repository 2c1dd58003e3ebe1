#!/usr/bin/env bash
# Builds the image, runs it as a user would, sends a study and checks the answer; then the fleet of compose.fleet.yaml.
# With docker where its daemon answers, else with podman (as root).
#
#   docker/test.sh [--no-build] [--packages FOLDER] [node] [fleet]     node and fleet, unless one is named
#
#   --no-build               the image is there
#   --packages FOLDER        the image is made of these Debian packages (./dev package) instead of building them in there
#
# environment
#   CHEXWORLD_IMAGE          name of the image (chexworld, with podman localhost/chexworld)
#   CHEXWORLD_CMAKE_ARGS     more arguments for CMake in the image
#   CHEXWORLD_TEST_FILMS     folder with two DICOM radiographs to send, instead of phantoms
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
arguments=("$@")
work=$(mktemp -d)
user=reader
password=open-sesame-$$
token=token-of-the-fleet-$$
marker="NAMEIN^LOGS" # the patient's name and number in what is sent: no log may show them

say() { printf 'test: %s\n' "$*" >&2; }
ok() { printf '  ok  %s\n' "$*"; }
fail() {
  printf 'test: FAILED: %s\n' "$*" >&2
  [ ! -s "$work/node.log" ] || tail -n 40 "$work/node.log" >&2
  exit 1
}
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.5
  done
}
free_port() {
  local port
  while port=$((20000 + RANDOM % 30000)); (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo $port
}

# shellcheck source=docker/test/engine.sh
. "$repo/docker/test/engine.sh"

# ---- one node ----

node=chexworld-test-$$
volume=chexworld-test-$$
http=$(free_port)
dicom=$(free_port)

run_image() { engine run --rm --user 0 -v "$work/models:/models" -v "$work/films:/films" "$image" "$@"; }

start_node() { # more `docker run` arguments
  engine run --detach --init --name "$node" -p "127.0.0.1:$http:8042" -p "127.0.0.1:$dicom:4242" -v "$volume:/var/lib/orthanc" \
    -v "$work/models:/models:ro" -e ORTHANC__REGISTERED_USERS="{\"$user\": \"$password\"}" "$@" "$image" >/dev/null
  until_true 60 healthy "$node" || { keep_log; fail "the container did not become healthy"; }
}
keep_log() { engine logs "$node" >>"$work/node.log" 2>&1 || true; }
stop_node() {
  keep_log
  engine stop --time 60 "$node" >/dev/null
  engine rm --force "$node" >/dev/null
}
ask() { curl --silent --max-time 20 --user "$user:$password" "$@"; } # URL or curl arguments
get() { ask "http://127.0.0.1:$http$1" | tr -d ' \n\t'; } # JSON without white space
status_of() { ask --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$http$1"; }
has() { [[ $(get "$1") == *"$2"* ]]; }
first_of() { get "$1" | tr -d '["]' | cut -d, -f1; }
result_is_there() { [ "$(status_of "/instances/$1/chexworld")" = 200 ]; }

# Two radiographs in $work/films, under the marker's name.
make_films() {
  local film number=0
  mkdir -p "$work/films" "$work/models"
  if [ -n "${CHEXWORLD_TEST_FILMS:-}" ]; then
    for film in $(find "$CHEXWORLD_TEST_FILMS" -name '*.dcm' | sort | head -n 2); do
      cp "$film" "$work/films/film-$((number += 1)).dcm"
    done
  else
    run_image chexworld phantom -n 2 -o /films/phantoms >/dev/null
    for film in $(find "$work/films/phantoms" -name '*.dcm' | sort); do mv "$film" "$work/films/film-$((number += 1)).dcm"; done
  fi
  [ -s "$work/films/film-2.dcm" ] || fail "there are no two films to send"
  run_image dcmodify --no-backup -i "PatientName=$marker" -i "PatientID=$marker" -i "AccessionNumber=NUMBERINLOGS" \
    /films/film-1.dcm /films/film-2.dcm
}

send() { # FILM PORT
  engine run --rm --network=host -v "$work/films:/films:ro" "$image" storescu 127.0.0.1 "$2" "/films/film-$1.dcm" ||
    fail "storescu could not send film $1"
}

test_first_start() {
  start_node
  ok "healthy, without a model"
  [ "$(engine exec "$node" sh -c 'stat -c %u /proc/[0-9]* | sort -u')" = 8042 ] || fail "something runs as another user than 8042"
  ok "nothing runs as root"
  [ "$(curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$http/system")" = 401 ] || fail "Orthanc answers strangers"
  ok "strangers are turned away"
  until_true 30 has /chexworld/status '"state":"no-model"' ||
    fail "the status does not say that there is no model: $(get /chexworld/status)"
  keep_log
  [ "$(grep -c 'no model is active' "$work/node.log")" = 1 ] || fail "the log does not say in one line that there is no model"
  ok "one line says that there is no model: $(grep -o 'no model is active.*' "$work/node.log")"
  send 1 "$dicom"
  until_true 20 has /instances '-' || fail "the film did not arrive"
  ok "a film is filed meanwhile"
  stop_node
}

test_study() {
  local instance
  run_image chexworld model create --preset tiny-cpu -o /models/tiny.safetensors >"$work/model.txt"
  start_node -e ORTHANC__CHEXWORLD__MODEL=/models/tiny.safetensors
  instance=$(first_of /instances)
  until_true 60 result_is_there "$instance" || { keep_log; fail "no result of the film that had waited: $(get /chexworld/status)"; }
  ok "the film that had waited is embedded once there is a model"
  send 2 "$dicom"
  until_true 60 has /chexworld/status '"embedded":2' || { keep_log; fail "no second result: $(get /chexworld/status)"; }
  grep -q "$(sed -n 's/^model id //p' "$work/model.txt")" <<<"$(get "/instances/$instance/chexworld")" || fail "the result names another model"
  ok "results over REST name the model"
  [ "$(ask -H 'Accept: application/octet-stream' "http://127.0.0.1:$http/instances/$instance/chexworld/embedding" | wc -c)" = $((192 * 4)) ] ||
    fail "the embedding has another size than 192 floats"
  ok "embedding as raw float32"
}

test_restart() {
  local instance before
  instance=$(first_of /instances)
  before=$(get "/instances/$instance/chexworld")
  stop_node
  start_node # without ORTHANC__CHEXWORLD__MODEL: the volume remembers
  until_true 30 has /chexworld/status '"state":"serving"' || fail "the model is not there after a restart: $(get /chexworld/status)"
  [ "$(get "/instances/$instance/chexworld")" = "$before" ] || fail "the result is another one after a restart: $before, now $(get "/instances/$instance/chexworld")"
  ok "films, results and model outlive the container"
  stop_node
}

test_wrong_key() {
  local log=$work/wrong.log
  ! engine run --rm -e ORTHANC__CHEXWORLD__ENABEL=true "$image" >"$log" 2>&1 || fail "a misspelt key did not stop Orthanc"
  [ "$(grep -c "unknown key 'Enabel' (did you mean 'Enable'?)" "$log")" = 1 ] || { tail "$log" >&2; fail "no single line names the misspelt key"; }
  ok "a misspelt key stops it: $(grep -o 'chexworld: .*' "$log")"
  ! engine run --rm -e 'ORTHANC__REGISTERED_USERS={"a": b}' "$image" >"$log" 2>&1 || fail "broken JSON did not stop it"
  [ "$(wc -l <"$log")" = 1 ] || { cat "$log" >&2; fail "broken JSON is not one line"; }
  ok "broken JSON in a variable stops it: $(cat "$log")"
}

test_privacy() {
  ! grep -nE "NAMEIN|NUMBERINLOGS" "$1" || fail "a log names the patient"
  ok "no log names the patient ($(wc -l <"$1") lines)"
}

test_node() {
  say "one node"
  test_first_start
  test_study
  test_restart
  test_wrong_key
  test_privacy "$work/node.log"
}

# ---- the fleet ----

fleet() { compose "$repo/docker/compose.fleet.yaml" -p "$project" "$@"; }
member() { engine ps --all --format '{{.Names}}' | grep -E "^${project}[-_]$1[-_]1$"; }

start_fleet() {
  project=chexworldtest$$
  export ORTHANC_USER=$user ORTHANC_PASSWORD=$password CHEXWORLD_TOKEN=$token CHEXWORLD_DB_PASSWORD=database-$$
  export CHEXWORLD_IMAGE=$image CHEXWORLD_DB_IMAGE=$database_image CHEXWORLD_MODELS=$work/models CHEXWORLD_MODEL=/models/tiny.safetensors
  export ORTHANC_HTTP_PORT=$http ORTHANC_DICOM_PORT=$dicom ORTHANC_2_HTTP_PORT ORTHANC_2_DICOM_PORT
  ORTHANC_2_HTTP_PORT=$(free_port)
  ORTHANC_2_DICOM_PORT=$(free_port)
  [ "$(type -t build_database)" != function ] || build_database
  check_compose "$repo/docker/compose.fleet.yaml" && check_compose "$repo/docker/compose.yaml" || fail "a compose file is not valid"
  ok "compose files are valid"
  fleet up -d >"$work/up.log" 2>&1 || { tail "$work/up.log" >&2; fail "the fleet does not start"; }
  local name
  for name in worker-1 worker-2 orthanc-1 orthanc-2; do
    until_true ${CHEXWORLD_TEST_PATIENCE:-90} healthy "$(member "$name")" || { show_fleet; fail "$name did not become healthy"; }
  done
  ok "two Orthancs, two workers and PostgreSQL are up"
}

fleet_logs() {
  local name
  for name in db worker-1 worker-2 orthanc-1 orthanc-2; do engine logs "$(member "$name")" >>"$work/fleet.log" 2>&1 || true; done
}

show_fleet() {
  local name
  for name in db worker-1 worker-2 orthanc-1 orthanc-2; do
    printf -- '---- %s\n' "$name" >&2
    engine logs "$(member "$name")" 2>&1 | tail -n 8 | cut -c1-300 >&2 || true
  done
}

embedded_everywhere() { # COUNT: what the shared store holds, seen from both sides
  has /chexworld/status "\"with_result\":$1" && http=$ORTHANC_2_HTTP_PORT has /chexworld/status "\"with_result\":$1"
}
similar_to() { # SOP-INSTANCE-UID, at the first Orthanc
  ask -H 'Content-Type: application/json' --data "{\"positive\": [{\"instance\": \"$1\"}], \"include_examples\": true}" "http://127.0.0.1:$http/chexworld/search"
}
both_found() { [ "$(similar_to "$1" | grep -c '"score"')" = 2 ]; }

test_fleet() {
  local second
  say "the fleet"
  [ -s "$work/models/tiny.safetensors" ] || run_image chexworld model create --preset tiny-cpu -o /models/tiny.safetensors >/dev/null
  start_fleet
  send 1 "$ORTHANC_DICOM_PORT"
  send 2 "$ORTHANC_2_DICOM_PORT"
  until_true 60 embedded_everywhere 2 || { show_fleet; fail "two films, but: $(get /chexworld/status)"; }
  ok "each Orthanc's film is embedded, and both workers see both results"
  second=$(http=$ORTHANC_2_HTTP_PORT get "/instances?expand" | grep -o '"SOPInstanceUID":"[^"]*"' | cut -d'"' -f4)
  until_true 20 both_found "$second" || fail "the first Orthanc does not find the second one's film $second: $(similar_to "$second")"
  ok "the first Orthanc finds the second one's film"
  has /chexworld/failures '"parked"' && fail "something was given up: $(get /chexworld/failures)"
  fleet_logs
  test_privacy "$work/fleet.log"
}

# ---- all ----

clean_up() {
  local status=$?
  trap - EXIT
  if [ "$(type -t engine)" = function ]; then
    [ -z "${project:-}" ] || fleet down --volumes >/dev/null 2>&1 || true
    engine rm --force "$node" >/dev/null 2>&1 || true
    engine volume rm "$volume" >/dev/null 2>&1 || true
  fi
  rm -rf "$work"
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

parts=()
build=yes
while [ $# -gt 0 ]; do
  case $1 in
    node | fleet) parts+=("$1") ;;
    --no-build) build=no ;;
    --packages)
      [ -n "${2:-}" ] && ls "$2"/*.deb >/dev/null 2>&1 || { say "--packages needs a folder with .deb files"; exit 2; }
      mkdir "$work/packages" && cp "$2"/*.deb "$work/packages"
      extra_build+=(--build-context "packages=$work/packages")
      shift
      ;;
    *) say "no part '$1' (there are: node fleet, --no-build, --packages FOLDER)"; exit 2 ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(node fleet)

command -v curl >/dev/null || fail "needs curl"
find_engine
image=${CHEXWORLD_IMAGE:-$([ "$(type -t build_database)" = function ] && echo localhost/chexworld || echo chexworld)}
if [ "$build" = yes ]; then
  log=$repo/build/image.log
  mkdir -p "$repo/build"
  say "building $image; the log is $log"
  build_image --target runtime --tag "$image" --file "$repo/docker/Dockerfile" >"$log" 2>&1 ||
    { tail -n 30 "$log" >&2; fail "the image does not build"; }
  ok "the image builds in $SECONDS s"
fi
make_films
for part in "${parts[@]}"; do "test_$part"; done
say "all is well after $SECONDS s"
