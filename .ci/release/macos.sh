#!/usr/bin/env bash
# Builds the program for one kind of Mac, on such a Mac, tries it, and leaves its files in `macos`.
#
#   .ci/release/macos.sh v1.2.3 aarch64-apple-darwin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly TAG=${1:?which tag?} TARGET=${2:?which target?}
# The same as in xtask/src/archives/tools.rs, which refuses any other.
readonly TOOLCHAIN=1.95.0

rustup toolchain install "$TOOLCHAIN" --profile minimal --target "$TARGET"
export RUSTUP_TOOLCHAIN=$TOOLCHAIN
cargo xtask versions --tag "$TAG"
cargo xtask dist --package flaky --target "$TARGET"
tests/dist/try_elsewhere.sh dist
mkdir macos
cp dist/flaky-*-"$TARGET".* macos/
