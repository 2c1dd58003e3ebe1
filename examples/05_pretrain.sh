#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# From a folder of radiographs to a model bundle, without labels.
#   05_pretrain.sh FILMS OUTPUT [MORE OPTIONS OF chexworld pretrain]
#
# Stop it with Ctrl-C; the same command goes on where it was. Add --push http://HOST:8042/chexworld, and a running
# Orthanc takes the model into use.
set -eu
[ $# -ge 2 ] || { echo "usage: 05_pretrain.sh FILMS OUTPUT [OPTIONS]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
films=$1
output=$2
shift 2
mkdir -p "$output"

chexworld archive build "$films" -o "$output/archive" # DICOM objects, PNG and JPEG pictures; nobody's name is kept

if [ -d "$output/run/checkpoints" ]; then
  chexworld pretrain "$output/archive" --resume "$output/run" "$@"
else
  chexworld pretrain "$output/archive" -o "$output/run" --preset tiny-cpu --config "$here/05_pretrain.toml" "$@"
fi

chexworld model info "$output/run/encoder.safetensors"
