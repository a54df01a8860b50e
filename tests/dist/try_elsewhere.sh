#!/usr/bin/env bash
# Unpacks the archive for a system on which no attempts run from a folder as `cargo xtask dist` leaves it, and does with the
# program what it is for there: reads what frameworks print, tells a stored report, makes and loads plugins.
#
#   tests/dist/try_elsewhere.sh [FOLDER]                              default: dist. On macOS, or in Git's bash on Windows
#   FLAKY_EXE=PROGRAM RUN_WITH=wine tests/dist/try_elsewhere.sh       a program for Windows that is there already
#
# Wine before 8.14 has no bcryptprimitives.dll, which Rust's programs need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly DIST=${1:-dist}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=${FLAKY_EXE:-}
no_attempts='use WSL'
if [[ $(uname -s) == Darwin ]]; then
    # Names of Apple's machines are not those of Rust's targets.
    machine=$(uname -m)
    mkdir "$work/unpacked"
    tar -xzf "$DIST"/flaky-*-"${machine/arm64/aarch64}"-apple-darwin.tar.gz -C "$work/unpacked"
    program=$work/unpacked/flaky
    no_attempts='use a container of Linux'
    [[ -s $work/unpacked/man/flaky.1 ]]
elif [[ -z $program ]]; then
    unzip -q "$DIST"/flaky-*-x86_64-pc-windows-gnu.zip -d "$work/unpacked"
    program=$work/unpacked/flaky.exe
fi

# What a command ends with, against what it should; its output is shown where that differs.
expect() {
    local wanted=$1 status=0
    shift
    # shellcheck disable=SC2086 # one word, or none
    ${RUN_WITH:-} "$program" "$@" >"$work/out" 2>&1 || status=$?
    if [[ $status -ne $wanted ]]; then
        cat "$work/out"
        printf 'flaky %s: expected exit code %s, got %s\n' "$*" "$wanted" "$status" >&2
        exit 1
    fi
}

says() {
    grep -qF -- "$1" "$work/out" || { cat "$work/out"; printf 'it does not say: %s\n' "$1" >&2; exit 1; }
}

expect 0 --version
cp plugins/sdk/tests/reports/mixed.json "$work/stored.json"
cp plugins/junit/tests/fixtures/pytest-9.xml "$work/junit.xml"
cp tests/guests/frozen/0.1.0/plugin.wasm "$work/plugin.wasm"
cd "$work"
expect 0 parse junit.xml
says 'read as junit-xml'
expect 11 report stored.json --report html=out.html --report junit=out.xml
says 'BROKEN'
[[ -s out.html && -s out.xml ]]
expect 0 plugin inspect plugin.wasm
says 'contract 0.1.0'
expect 11 report stored.json --plugin plugin.wasm
expect 0 plugin new mine --kind policy --lang rust
[[ -f mine/Cargo.toml ]]
expect 1 run --runs 3 -- pytest
says "$no_attempts"
echo 'flaky where no attempts run: all as expected'
