#!/usr/bin/env bash
# What ./dev demo runs: the parts that exist, at work together, each step a command you could type.
#   ./dev demo [--dicom DIR] [--port P] [--exit]
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
bin=$repo/build/${CHEXWORLD_PRESET:-dev}
export PATH=$bin/bin:$PATH

wrong_usage() { printf 'demo: %s\n' "$*" >&2; exit 2; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
title() { printf '\n== %s\n' "$*"; }
echoed() { printf '$ %s\n' "$*"; "$@"; }

dicom='' port=8042 leave_running=yes
while [ $# -gt 0 ]; do
  case $1 in
    --dicom) [ $# -ge 2 ] || wrong_usage "--dicom needs a folder"; dicom=$2; shift 2 ;;
    --port) [[ ${2:-} =~ ^[0-9]+$ ]] || wrong_usage "--port needs a number"; port=$2; shift 2 ;;
    --exit) leave_running=no; shift ;;
    *) wrong_usage "no option '$1' (there are: --dicom DIR, --port P, --exit)" ;;
  esac
done
if [ -n "$dicom" ]; then
  [ -d "$dicom" ] || fail "$dicom is no folder"
  dicom=$(realpath "$dicom")
  mapfile -t objects < <(find "$dicom" -type f -exec sh -c 'head -c 132 "$1" | tail -c 4 | grep -q DICM' _ {} \; -print | sort)
  [ ${#objects[@]} -gt 0 ] || fail "$dicom holds no DICOM files"
fi
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then fail "port $port is in use; choose another with --port"; fi

work=$(mktemp -d)
orthanc=''
finish() {
  [ -z "$orthanc" ] || { kill "$orthanc" 2>/dev/null && wait "$orthanc" 2>/dev/null; } || true
  rm -rf "$work"
}
trap finish EXIT

title "An Orthanc with the chexworld plugin"
dicom_port=$((port + 1))
cat >"$work/orthanc.json" <<JSON
{"Name": "chexworld demo", "StorageDirectory": "$work/storage", "IndexDirectory": "$work/storage",
 "HttpPort": $port, "DicomPort": $dicom_port, "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
 "Plugins": ["$bin/lib/libOrthancChexworld.so"], "Chexworld": {"Enable": true}}
JSON
Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
orthanc=$!
for _ in $(seq 100); do
  curl --silent --output /dev/null "http://127.0.0.1:$port/system" && break
  kill -0 "$orthanc" 2>/dev/null || fail "Orthanc did not start: $(grep '^E' "$work/orthanc.log" | head -n 1)"
  sleep 0.1
done
echoed curl --silent "http://127.0.0.1:$port/chexworld/status"

if [ -n "$dicom" ]; then
  title "Radiographs arrive over C-STORE"
  printf '$ dcmsend --scan-directories --recurse --no-halt 127.0.0.1 %s %s\n' "$dicom_port" "$dicom"
  # Objects that no association takes are in dcmsend's report; Orthanc says what it keeps.
  dcmsend --scan-directories --recurse --no-halt 127.0.0.1 "$dicom_port" "$dicom" >"$work/sent.log" 2>&1 || true
  printf 'objects in the folder: %s, instances in Orthanc: %s\n' "${#objects[@]}" \
    "$(curl --silent "http://127.0.0.1:$port/statistics" | sed -n 's/.*"CountInstances" *: *\([0-9]*\).*/\1/p')"

  title "What they are, and what the gate says"
  printf '$ chexworld inspect %s/*   (the first three, then all in numbers)\n' "$dicom"
  chexworld inspect "${objects[@]:0:3}" || true
  chexworld inspect "${objects[@]}" 2>&1 | sed -n 's/^  \(gate\|error\)  */\1: /p' | cut -c1-70 | sort | uniq -c | sort -rn || true

  title "As a reader would see them"
  mkdir -p "$repo/demo"
  for object in "${objects[@]:0:4}"; do
    echoed chexworld render "$object" -o "$repo/demo/$(basename "$object" .dcm).png" --size 512 || true
  done
fi

title "Not there yet: embedding, search, training and hot reload in the running Orthanc"
if [ $leave_running = yes ]; then
  printf 'Orthanc is at http://127.0.0.1:%s until you press Ctrl-C.\n' "$port"
  wait "$orthanc"
fi
