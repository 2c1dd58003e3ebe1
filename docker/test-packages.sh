#!/usr/bin/env bash
# Installs the Debian packages into a clean Debian 13 root, runs Orthanc from Debian with the plugin there, sends a film and
# checks the answer; then a worker alone, an upgrade, removal. As root, on any Linux with mmdebstrap.
#
#   docker/test-packages.sh [FOLDER]     of .deb files; build/package, made by `./dev package`, unless given
#
# environment
#   CHEXWORLD_MIRROR         Debian mirror
#   CHEXWORLD_TEST_FILMS     folder with a DICOM radiograph to send, instead of a phantom
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=$(realpath "${1:-$repo/build/package}")

say() { printf 'test: %s\n' "$*" >&2; }
ok() { printf '  ok  %s\n' "$*"; }
fail() {
  printf 'test: FAILED: %s\n' "$*" >&2
  [ -z "${root:-}" ] || tail -n 30 "$root/tmp/orthanc.log" >&2 2>/dev/null || true
  exit 1
}

# In a mount, process and network namespace of its own: fixed ports are free, and nothing stays behind.
if [ -z "${CHEXWORLD_TEST_NAMESPACE:-}" ]; then
  [ "$(id -u)" = 0 ] || fail "needs root, for its Debian root"
  command -v mmdebstrap >/dev/null || fail "needs mmdebstrap (Debian: apt-get install mmdebstrap)"
  ls "$packages"/*.deb >/dev/null 2>&1 || fail "no packages in $packages: ./dev package makes them"
  work=$(mktemp -d)
  trap 'rm -rf --one-file-system "$work"' EXIT
  chmod 755 "$work"
  say "making a clean Debian 13 root"
  mmdebstrap --quiet --variant=minbase --include=systemd,curl,dcmtk trixie "$work/root" ${CHEXWORLD_MIRROR:+"$CHEXWORLD_MIRROR"} \
    >"$work/root.log" 2>&1 </dev/null || fail "could not make the root: $(tail -n 1 "$work/root.log")"
  say "installing into it, with the network"
  mkdir "$work/root/packages"
  cp "$packages"/*.deb "$work/root/packages"
  [ -z "${CHEXWORLD_TEST_FILMS:-}" ] || cp "$(find "$CHEXWORLD_TEST_FILMS" -name '*.dcm' | sort | head -n 1)" "$work/root/packages/film.dcm"
  CHEXWORLD_TEST_NAMESPACE=install unshare --mount --pid --fork --kill-child "$0" "$work/root"
  say "running what was installed, without the network"
  CHEXWORLD_TEST_NAMESPACE=run unshare --mount --pid --net --fork --kill-child "$0" "$work/root"
  say "all is well after $SECONDS s"
  exit 0
fi

root=$packages # what the second start was given
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as() { # USER COMMAND...
  local name=$1
  shift
  inside setpriv --reuid="$name" --regid="$name" --clear-groups "$@"
}
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.5
  done
}
prepare() {
  mount --make-rprivate /
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
}

# ---- installing ----

install_all() {
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # nothing is started by installing
  chmod 755 "$root/usr/sbin/policy-rc.d"
  inside apt-get update -q >"$root/tmp/apt.log" 2>&1
  inside sh -c 'apt-get install -q -y --no-install-recommends /packages/*.deb' >>"$root/tmp/apt.log" 2>&1 ||
    { tail -n 20 "$root/tmp/apt.log" >&2; fail "the packages do not install"; }
  [ -z "$(inside dpkg --audit)" ] || fail "dpkg complains: $(inside dpkg --audit)"
  ok "installed: $(inside dpkg-query -W -f='${Package} ${Version} ${Installed-Size} kB, ' '*chexworld*')"
}

test_files() {
  local package file
  for package in libchexworld libchexworld-dev chexworld orthanc-chexworld; do
    for file in copyright changelog.Debian.gz; do [ -s "$root/usr/share/doc/$package/$file" ] || fail "$package has no $file"; done
    inside dpkg --verify "$package" >"$root/tmp/verify.log" || fail "$package: $(cat "$root/tmp/verify.log")"
  done
  ok "every package has copyright, change log and right checksums"
  for file in /etc/orthanc/chexworld.json /etc/chexworld/worker.toml; do
    inside dpkg-query -W -f='${Conffiles}\n' chexworld orthanc-chexworld | grep -q "$file" || fail "$file is not a conffile"
  done
  ok "configuration files are conffiles"
  ! inside find /usr/bin/chexworld /usr/libexec/chexworld /usr/lib/orthanc/libOrthancChexworld.so /usr/include/chexworld \( ! -user root -o -perm /022 \) | grep . ||
    fail "a file belongs to, or can be written by, others than root"
  for file in /usr/bin/chexworld /usr/libexec/chexworld/chexworld-decoder /usr/share/orthanc/plugins/libOrthancChexworld.so; do
    ! inside ldd "$file" | grep 'not found' || fail "$file misses a library"
  done
  ok "programs and plugin find their libraries"
  ! inside ldd /usr/share/orthanc/plugins/libOrthancChexworld.so | grep -E 'torch|blas|dcm' || fail "the plugin loads what it must not"
  inside systemd-analyze verify --man=no /usr/lib/systemd/system/chexworld-worker.service >"$root/tmp/unit.log" 2>&1 || true
  ! grep chexworld "$root/tmp/unit.log" || fail "systemd complains about the unit"
  [ ! -e "$root/etc/systemd/system/multi-user.target.wants/chexworld-worker.service" ] || fail "the worker is enabled"
  ok "the worker's unit is valid, and not enabled"
  inside chexworld doctor --json | tr -d ' \n' | grep -q '"threading":"openmp"' || fail "the BLAS is not the OpenMP one: $(inside chexworld doctor)"
  ok "$(inside chexworld --version), BLAS with OpenMP"
}

# ---- running ----

start_orthanc() {
  as orthanc Orthanc /etc/orthanc >>"$root/tmp/orthanc.log" 2>&1 &
  orthanc=$!
  until_true 60 inside curl --silent --fail --output /dev/null http://127.0.0.1:8042/system || fail "Orthanc does not answer"
}
stop_orthanc() {
  inside sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = Orthanc ] && kill ${p#/proc/}; done' || true
  wait "$orthanc" || fail "Orthanc ended with status $?"
}
get() { inside curl --silent --max-time 20 "http://127.0.0.1:8042$1"; }
has() { [[ $(get "$1") == *"$2"* ]]; }
embedded() { inside curl --silent --fail --output /dev/null "http://127.0.0.1:8042/instances/$1/chexworld"; }

test_orthanc() {
  local instance film=/packages/film.dcm
  inside install -d -o orthanc -g orthanc /var/lib/orthanc/db-v6 /run/orthanc
  start_orthanc
  until_true 30 has /chexworld/status no-model || fail "the plugin's worker does not answer: $(get /chexworld/status)"
  ok "Orthanc $(get /system | sed -n 's/.*"Version" : "\(.*\)".*/\1/p') runs with the plugin; without a model it says so: $(grep -o 'no model is active.*' "$root/tmp/orthanc.log" | head -n 1)"
  stop_orthanc
  as orthanc chexworld model create --preset tiny-cpu -o /var/lib/orthanc/tiny.safetensors >/dev/null
  sed -i 's|"Model" : ""|"Model" : "/var/lib/orthanc/tiny.safetensors"|' "$root/etc/orthanc/chexworld.json"
  if [ ! -s "$root$film" ]; then
    inside chexworld phantom -n 1 -o /tmp/phantom >/dev/null
    film=$(inside find /tmp/phantom -name '*.dcm')
  fi
  start_orthanc
  inside storescu 127.0.0.1 4242 "$film" || fail "storescu could not send the film"
  instance=$(get /instances | tr -d '[:space:]["]')
  until_true 60 embedded "$instance" || fail "no result: $(get /chexworld/status)"
  ok "a film sent to Orthanc is embedded: $(get "/instances/$instance/chexworld" | tr -d '\n ' | grep -o '"model_id":"[0-9a-f]\{12\}')..."
  stop_orthanc
}

test_worker() {
  local state=/var/lib/private-test
  inside install -d -o nobody -g nogroup "$state"
  inside sh -c "sed 's|^data = .*|data = \"$state\"|' /etc/chexworld/worker.toml >/tmp/worker.toml"
  inside setpriv --reuid=nobody --regid=nogroup --clear-groups chexworld serve --config /tmp/worker.toml >"$root/tmp/worker.log" 2>&1 &
  until_true 30 inside curl --silent --fail --output /dev/null http://127.0.0.1:8420/v1/status || fail "the worker alone does not answer: $(cat "$root/tmp/worker.log")"
  ok "a worker alone runs with the unit's configuration"
  inside sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = chexworld ] && kill ${p#/proc/}; done' || true
  wait $! || fail "the worker ended with status $?"
}

test_upgrade_and_removal() {
  inside sh -c 'dpkg --install /packages/*chexworld*.deb' >>"$root/tmp/apt.log" 2>&1 || fail "installing again fails"
  grep -q tiny.safetensors "$root/etc/orthanc/chexworld.json" || fail "an upgrade lost what was configured"
  ok "installing again keeps what was configured"
  inside dpkg --remove orthanc-chexworld chexworld libchexworld-dev libchexworld >>"$root/tmp/apt.log" 2>&1 || fail "removing fails"
  [ -e "$root/etc/orthanc/chexworld.json" ] || fail "removing took the configuration away"
  inside dpkg --purge orthanc-chexworld chexworld >>"$root/tmp/apt.log" 2>&1 || fail "purging fails"
  ! inside find / -xdev -path /proc -prune -o -path /packages -prune -o -path '/tmp/*' -prune -o -path '/var/*' -prune -o -name '*chexworld*' -print 2>/dev/null | grep . ||
    fail "purging leaves files behind"
  [ -d "$root/var/lib/orthanc/db-v6/chexworld" ] || fail "purging took results away"
  ok "removal and purge leave nothing but results"
}

prepare
case $CHEXWORLD_TEST_NAMESPACE in
  install)
    install_all
    test_files
    ;;
  run)
    ip link set lo up 2>/dev/null || inside ip link set lo up
    test_orthanc
    test_worker
    test_upgrade_and_removal
    ;;
esac
