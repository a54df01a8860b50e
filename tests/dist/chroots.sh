#!/usr/bin/env bash
# Runs the program of an archive in plain Debian 12 and 11 (an older C library, another OpenSSL): first with nothing installed,
# then the example projects with what these systems have themselves: their Python with pytest, their cargo.
#
#   tests/dist/chroots.sh [ARCHIVE] [SUITE…]    default: the x86_64 archive in dist; bookworm bullseye
#
# Needs root, Debian, debootstrap, openssl and a network; keeps the systems in $FLAKY_CHROOTS (default: below /var/tmp). Not part
# of `.ci/run`: it takes some minutes and 3 GB of disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly CHROOTS=${FLAKY_CHROOTS:-/var/tmp/flaky-chroots}
archives=(dist/flaky-[0-9]*-x86_64-unknown-linux-musl.tar.gz)
readonly ARCHIVE=${1:-${archives[0]}}
shift || true
suites=("$@")
[[ ${#suites[@]} -gt 0 ]] || suites=(bookworm bullseye)

say() { printf '\n=== %s\n' "$*"; }

fail() {
    echo "error: $*" >&2
    exit 1
}

# A command in the system, with nothing of this one's environment.
inside() {
    local root=$1
    shift
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        ${NO_CERTIFICATES:+SSL_CERT_FILE=$NO_CERTIFICATES} "$@"
}

# What Debian 12 calls cargo is too old in Debian 11 for the edition of the example; there it has one for Firefox.
cargo_of() {
    case $1 in bullseye) echo cargo-mozilla rustc-mozilla ;; *) echo cargo ;; esac
}

prepare() {
    local suite=$1 root=$2
    if [[ ! -e $root/.bare ]]; then
        say "$suite: debootstrap"
        mkdir -p "$CHROOTS"
        rm -rf --one-file-system "$root"
        debootstrap --variant=minbase "$suite" "$root" >"$root.log"
        touch "$root/.bare"
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/dev" || mount --rbind --make-rslave /dev "$root/dev"
    tar -xzf "$ARCHIVE" -C "$root/usr/local/bin" --no-same-owner flaky
}

# Also without an end that was reached: what is mounted would be removed with the folder.
leave() {
    local suite
    [[ -z ${server:-} ]] || kill "$server" 2>/dev/null || true
    for suite in "${suites[@]}"; do
        umount -R "$CHROOTS/$suite/proc" "$CHROOTS/$suite/dev" 2>/dev/null || true
    done
    rm -rf "${work:-}"
}

# Ends with this exit code and says this, on standard output or error.
expect() {
    local code=$1 text=$2 status=0 told
    shift 2
    told=$("$@" 2>&1) || status=$?
    echo "$told"
    [[ $status -eq $code ]] || fail "expected exit code $code, got $status"
    [[ $told == *"$text"* ]] || fail "expected to be told: $text"
}

# Nothing is installed but Debian's least.
bare() {
    local root=$1 url="https://127.0.0.1:$port/shop.git"
    expect 0 "flaky " inside "$root" flaky --version
    expect 0 "" inside "$root" flaky doctor
    # A command that always passes, judged by its exit code.
    expect 0 "stable" inside "$root" sh -c 'mkdir -p /tmp/empty && cd /tmp/empty && flaky run --runs 20 -- true'
    expect 12 "ca-certificates" inside "$root" flaky run "$url"
    cp "$work/certificate.pem" "$root/tmp/certificate.pem"
    NO_CERTIFICATES=/tmp/certificate.pem expect 12 "no such repository" inside "$root" flaky run "$url"
}

examples() {
    local suite=$1 root=$2
    if [[ ! -e $root/.tools ]]; then
        say "$suite: what it has of Python and Rust"
        # shellcheck disable=SC2046 # several packages
        inside "$root" sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"' sh \
            python3-pytest gcc libc6-dev $(cargo_of "$suite") >"$root.log"
        touch "$root/.tools"
    fi
    rm -rf "$root/srv/examples"
    mkdir -p "$root/srv/examples"
    cp -r examples/python examples/rust "$root/srv/examples/"
    # The pinned pytest wants a newer Python than Debian 11 has: what the system has is meant to do.
    rm "$root/srv/examples/python/requirements.txt"
    say "$suite: examples/python"
    expect 11 "1 broken, 1 flaky, 1 stable" inside "$root" flaky run /srv/examples/python -- python3 -m pytest
    say "$suite: examples/rust"
    expect 11 "1 broken, 1 flaky, 2 stable" inside "$root" flaky run /srv/examples/rust
}

[[ $EUID -eq 0 ]] || fail "only root may make chroots"
[[ -f $ARCHIVE ]] || fail "no archive $ARCHIVE: cargo xtask dist"
work=$(mktemp -d)
trap leave EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/certificate.pem" 2>/dev/null
exec {serving}> >(exec python3 tests/dist/tls.py "$work/certificate.pem" "$work/key.pem" >"$work/port")
server=$!
until [[ -s $work/port ]]; do
    kill -0 "$server" || fail "the server did not start"
done
port=$(<"$work/port")

for suite in "${suites[@]}"; do
    prepare "$suite" "$CHROOTS/$suite"
    say "$suite: $(cat "$CHROOTS/$suite/etc/debian_version"), with nothing installed"
    # Once something was installed, certificates may be there.
    [[ -e $CHROOTS/$suite/.tools ]] || bare "$CHROOTS/$suite"
    examples "$suite" "$CHROOTS/$suite"
done
exec {serving}>&-
say "all good: ${suites[*]}"
