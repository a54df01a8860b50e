#!/usr/bin/env bash
# Installs the released binary of one version. What is downloaded counts only if its sha256 is the one in checksums.txt,
# which is part of the action and so pinned with it. Never builds from source, never uses a cache.
set -euo pipefail

readonly RELEASES="https://github.com/flaky-rs/flaky/releases/download"
# The program has at most 25 MB, and packed a third of it; more than this is not ours.
readonly MOST_BYTES=$((200 * 1024 * 1024))

fail() {
    printf '::error title=flaky::%s\n' "$1"
    exit 1
}

target() {
    case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
        Linux-X64) echo x86_64-unknown-linux-musl ;;
        Linux-ARM64) echo aarch64-unknown-linux-musl ;;
        *) return 1 ;;
    esac
}

# The sha256 of a file of a version; nothing where none is written down.
checksum() {
    awk -v version="$1" -v file="$2" '!/^#/ && $2 == version && $3 == file { print $1; exit }' \
        "${BASH_SOURCE[0]%/*}/checksums.txt"
}

version=${IN_VERSION:?}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "the version is not of the form 1.2.3"
triple=$(target) || fail "flaky runs on Linux, on x64 and arm64 runners"
file="flaky-$version-$triple.tar.gz"
expected=$(checksum "$version" "$file")
[[ -n $expected ]] || fail "no released binary for this version yet: $version ($triple)"

folder="${RUNNER_TEMP:?}/flaky-$version"
archive="$folder/$file"
mkdir -p "$folder"
curl --fail --silent --show-error --location --proto '=https' --proto-redir '=https' \
    --retry 3 --max-time 300 --max-filesize "$MOST_BYTES" \
    --output "$archive" "$RELEASES/v$version/$file" ||
    fail "$file cannot be downloaded"
printf '%s  %s\n' "$expected" "$archive" | sha256sum --check --status - ||
    fail "$file is not what was released: its sha256 is another"
tar -xzf "$archive" -C "$folder" --no-same-owner flaky
[[ -f $folder/flaky && ! -L $folder/flaky && -x $folder/flaky ]] || fail "$file holds no program"
rm "$archive"
printf '%s\n' "$folder" >>"${GITHUB_PATH:?}"
"$folder/flaky" --version
