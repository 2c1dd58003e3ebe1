#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Similar cases over REST with curl, from an Orthanc with the chexworld plugin.
#   03_search.sh [URL [SOP-INSTANCE-UID]]     (http://localhost:8042, and the first instance there)
set -eu
url=${1:-http://localhost:8042}

# What answers, and how far it is with the archive.
curl --silent --fail "$url/chexworld/status" >/dev/null || { echo "no Orthanc with the chexworld plugin at $url" >&2; exit 1; }

uid=${2:-}
if [ -z "$uid" ]; then
  id=$(curl --silent --fail "$url/instances?limit=1&since=0" | sed -n 's/.*"\([0-9a-f-]\{44\}\)".*/\1/p' | head -n 1)
  [ -n "$id" ] || { echo "Orthanc at $url is empty" >&2; exit 1; }
  uid=$(curl --silent --fail "$url/instances/$id/simplified-tags" | sed -n 's/.*"SOPInstanceUID" : "\([0-9.]*\)".*/\1/p')
fi

# The five nearest frontal films of other patients. Other filters: docs/rest.md.
curl --silent --show-error --fail-with-body "$url/chexworld/search" -H 'Content-Type: application/json' -d '{
  "positive": [{"instance": "'"$uid"'"}],
  "k": 5,
  "filter": {"views": ["PA", "AP"], "exclude_same_patient": true}
}'
