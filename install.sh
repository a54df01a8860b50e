#!/bin/sh
# Installs flaky for the user who runs this: no root, no compiler, nothing outside two folders of the user's own.
#
#   sh install.sh                    the newest release, into ~/.local/bin
#   sh install.sh --version 1.2.3    that one
#   sh install.sh --uninstall        takes away what was installed, nothing else
#
# FLAKY_INSTALL_DIR        where the program goes, instead of ~/.local/bin
# FLAKY_RELEASES           where releases come from, instead of GitHub: a mirror
#
# The archive counts only if its sha256 is the one in the release's SHA256SUMS. That tells a damaged download; who made it
# is told by: gh attestation verify FILE --repo flaky-rs/flaky
set -eu

releases=${FLAKY_RELEASES:-https://github.com/flaky-rs/flaky/releases}
bin=${FLAKY_INSTALL_DIR:-${HOME:?}/.local/bin}
share=${XDG_DATA_HOME:-${HOME:?}/.local/share}
manual=$share/man/man1/flaky.1
# The program has some 25 MB, and packed a third of it.
most_kilobytes=102400

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

machine() {
    case $(uname -s) in
        Linux) system=unknown-linux-musl ;;
        Darwin) system=apple-darwin ;;
        *) fail "flaky runs on Linux and macOS, this is $(uname -s)" "on Windows: inside WSL; the release also has a flaky.exe that makes no attempts" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) say "x86_64-$system" ;;
        aarch64 | arm64) say "aarch64-$system" ;;
        *) fail "there is no flaky for $(uname -m)" "it can be built: see README.md" ;;
    esac
}

# Only HTTPS, redirects as well, but for a mirror on this machine.
download() {
    case $1 in http://127.0.0.1:* | http://localhost:*) protocol='=http' ;; *) protocol='=https' ;; esac
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --proto "$protocol" --proto-redir "$protocol" --retry 2 --max-time 300 \
            --output "$2" "$1"
    elif command -v wget >/dev/null; then
        [ "$protocol" = '=http' ] || case $1 in https://*) ;; *) fail "$1 is not https" ;; esac
        wget --quiet --tries 3 --timeout 60 --output-document "$2" "$1"
    else
        fail "neither curl nor wget is there" "apt-get install curl"
    fi || fail "cannot download $1" "does this version exist? $releases"
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else openssl dgst -sha256 -r "$1"; fi | cut -d ' ' -f 1
}

install() {
    if [ -n "$1" ]; then from=$releases/download/v$1; else from=$releases/latest/download; fi
    triple=$(machine)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    download "$from/SHA256SUMS" "$work/SHA256SUMS"
    # One line: the sum, two spaces, flaky-1.2.3-TRIPLE.tar.gz.
    line=$(grep -E "^[0-9a-f]{64}  flaky-[0-9]+\.[0-9]+\.[0-9]+-$triple\.tar\.gz\$" "$work/SHA256SUMS") ||
        fail "the release has no sha256 of a program for $triple" "$releases"
    [ "$(printf '%s\n' "$line" | wc -l)" -eq 1 ] || fail "the release has several programs for $triple"
    expected=${line%% *} file=${line##* }
    [ -z "$1" ] || [ "$file" = "flaky-$1-$triple.tar.gz" ] || fail "asked for $1, the release has $file"
    download "$from/$file" "$work/$file"
    [ "$(du -k "$work/$file" | cut -f 1)" -le "$most_kilobytes" ] || fail "$file is far too large"
    found=$(checksum "$work/$file")
    [ "$found" = "$expected" ] ||
        fail "$file is not what was released: its sha256 is $found, expected $expected" "try again; if that stays so, tell us"
    tar -xzf "$work/$file" -C "$work" flaky man/flaky.1 || fail "$file cannot be unpacked"
    if [ ! -f "$work/flaky" ] || [ -L "$work/flaky" ]; then fail "$file holds no program"; fi
    version=$("$work/flaky" --version) || fail "the program does not start here"

    mkdir -p "$bin" "${manual%/*}"
    # Beside it and renamed: whoever runs flaky meanwhile has the old one or the new one.
    cp "$work/flaky" "$bin/.flaky.new" && chmod 755 "$bin/.flaky.new" && mv -f "$bin/.flaky.new" "$bin/flaky"
    cp "$work/man/flaky.1" "$manual"
    say "$version is in $bin"
    case $triple in *darwin) say "on macOS it makes no attempts of its own: use an endpoint, or a container of Linux" ;; esac
    case :$PATH: in *:"$bin":*) ;; *) say "not on your PATH yet: export PATH=\"$bin:\$PATH\"" ;; esac
    say "completions: flaky completions bash|zsh|fish; away again: install.sh --uninstall"
}

uninstall() {
    rm -f "$bin/flaky" "$bin/.flaky.new" "$manual"
    say "flaky is no longer in $bin"
}

main() {
    version=
    while [ $# -gt 0 ]; do
        case $1 in
            --version)
                version=${2:-}
                printf '%s\n' "$version" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+' || fail "--version wants one of the form 1.2.3"
                shift
                ;;
            --uninstall) uninstall && return ;;
            *) fail "unexpected argument $1" "--version 1.2.3 or --uninstall" ;;
        esac
        shift
    done
    install "$version"
}

# All of it was read before anything is done: a download that ends early does nothing.
main "$@"
