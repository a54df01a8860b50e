#!/usr/bin/env bash
# Builds or publishes what people take from a language's registry: the SDKs, and the program with its crates. Publishing is by the
# workflow's identity: nobody keeps a token of a registry.
#
#   .ci/release/packages.sh rust|python|javascript build|publish [FOLDER]
#
# `build` publishes nothing and finds out whether that could be done; packages for Python and JavaScript are left in FOLDER (default:
# packages). For Rust it compiles each crate from its package, which takes ten minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly LANGUAGE=${1:-} TASK=${2:-} FOLDER=${3:-packages}

# An SDK as it is in git, with the licences that every copy has to carry.
stage() {
    git ls-files -z "sdks/$1" | tar --create --null --files-from=- | tar --extract --directory "$work"
    cp LICENSE-APACHE LICENSE-MIT "$work/sdks/$1"
}

# The npm of a runner may be older than publishing without a token.
npm_11() {
    npm exec --yes --package=npm@11 -- npm "$@"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case "$LANGUAGE $TASK" in
    "rust build") cargo publish --locked --workspace --dry-run ;;
    "rust publish") cargo publish --locked --workspace --no-verify ;;
    "python build")
        stage python
        python3 -m pip wheel --quiet --no-deps --wheel-dir "$FOLDER" "$work/sdks/python"
        ;;
    "javascript build")
        stage javascript
        mkdir -p "$FOLDER"
        npm pack --silent --pack-destination "$(realpath "$FOLDER")" "$work/sdks/javascript"
        ;;
    "javascript publish")
        stage javascript
        cd "$work/sdks/javascript"
        npm_11 publish --access public --provenance
        ;;
    *)
        echo "usage: .ci/release/packages.sh rust|python|javascript build|publish [FOLDER]" >&2
        exit 2
        ;;
esac
