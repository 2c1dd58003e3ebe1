# Sourced by docker/test.sh: containers with docker where its daemon answers, else with podman.
#   engine ARGS...       docker or podman
#   build_image ARGS...  builds from the repository
#   compose FILE ARGS... docker compose or podman-compose
#   check_compose FILE   whether it is valid
#   healthy NAME         whether the image's own health check is content with this container

extra_build=()
[ -z "${CHEXWORLD_CMAKE_ARGS:-}" ] || extra_build=(--build-arg "CMAKE_ARGS=$CHEXWORLD_CMAKE_ARGS")
base_image=docker.io/library/debian:trixie-slim

need() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null && return
  { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } || fail "needs $1: install the package $2"
  say "installing $2"
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$2" >"$work/apt.log" 2>&1 ||
    fail "installing $2 failed: $(tail -n 1 "$work/apt.log")"
}

# ---- docker ----

use_docker() {
  engine() { docker "$@"; }
  compose() { docker compose -f "$@"; }
  check_compose() { docker compose -f "$1" config --quiet; }
  build_image() { docker build ${extra_build[@]+"${extra_build[@]}"} "$@" "$repo"; }
  healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
  database_image=docker.io/pgvector/pgvector:pg17
}

# ---- podman ----

# Where control groups cannot be used (some virtual machines), containers still run without them, in a mount namespace that
# hides them. This script starts itself again in there.
without_control_groups() {
  [ -z "${CHEXWORLD_TEST_NAMESPACE:-}" ] || return 0
  podman run --rm --network=none "$base_image" true >"$work/try.log" 2>&1 && return 0
  say "containers do not run as they are ($(tail -n 1 "$work/try.log" | cut -c1-100)); trying without control groups"
  export CHEXWORLD_TEST_NAMESPACE=1
  rm -rf "$work"
  exec unshare --mount bash -c 'mount --make-rprivate / && umount -R -l /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && exec "$@"' \
    unshare "$0" "${arguments[@]}"
}

use_podman() {
  local package
  for package in podman podman-compose mmdebstrap; do need "$package" "$package"; done
  need catatonit catatonit # what `init: true` asks for
  [ -x /usr/lib/podman/netavark ] || { need netavark netavark && need aardvark-dns aardvark-dns; }
  need iptables iptables
  export DISABLE_HC_SYSTEMD=true # health checks are run by hand, see healthy()
  export CONTAINERS_CONF=$work/containers.conf
  {
    printf '[network]\nnetwork_backend = "netavark"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    [ -z "${CHEXWORLD_TEST_NAMESPACE:-}" ] ||
      printf '[containers]\ncgroups = "disabled"\ndefault_ulimits = ["nofile=%d:%d", "nproc=4096:4096"]\n' "$(ulimit -Hn)" "$(ulimit -Hn)"
  } >"$CONTAINERS_CONF"
  if ! podman image exists "$base_image"; then
    say "no registry is asked: making $base_image from Debian's packages"
    mmdebstrap --quiet --variant=minbase trixie "$work/base.tar" ${CHEXWORLD_MIRROR:+"$CHEXWORLD_MIRROR"} >"$work/base.log" 2>&1 ||
      fail "could not make the base image: $(tail -n 1 "$work/base.log")"
    podman import --quiet "$work/base.tar" "$base_image" >/dev/null
    rm -f "$work/base.tar"
  fi
  without_control_groups
  engine() { podman "$@"; }
  # podman-compose 1.0 does not know ${NAME:-}, the variable that may be missing
  compose() {
    local file=$work/$(basename "$1")
    sed 's/:-}/}/' "$1" >"$file"
    podman-compose -f "$file" "${@:2}"
  }
  check_compose() { compose "$1" --dry-run up -d >"$work/compose.log" 2>&1 || { tail -n 3 "$work/compose.log" >&2; return 1; }; }
  # chroot isolation: building needs no privileges beyond root's. The compiler cache of ./dev is used where there is one.
  build_image() {
    local cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/chexworld/ccache
    podman build --isolation=chroot --network=host --format=docker --layers \
      $([ ! -d "$cache" ] || echo "--volume=$cache:/shared-ccache --build-arg=CCACHE_DIR=/shared-ccache") \
      ${extra_build[@]+"${extra_build[@]}"} "$@" "$repo"
  }
  healthy() { podman healthcheck run "$1" >/dev/null 2>&1; }
  database_image=localhost/chexworld-test-database
  build_database() { podman build --isolation=chroot --network=host --layers --quiet --tag "$database_image" "$repo/docker/test" >/dev/null; }
}

find_engine() {
  if docker info >/dev/null 2>&1; then use_docker; else use_podman; fi
}
