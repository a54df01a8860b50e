#!/usr/bin/env bash
# Builds what a tag releases into `dist`, and fails unless the archives are those whose checksums the action holds.
#
#   .ci/release/archives.sh v1.2.3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly TAG=${1:?which tag?}
# The same as in xtask/src/archives/tools.rs, which refuses any other.
readonly TOOLCHAIN=1.95.0

rustup toolchain install "$TOOLCHAIN" --profile minimal \
    --target x86_64-unknown-linux-musl,aarch64-unknown-linux-musl,x86_64-pc-windows-gnu,wasm32-unknown-unknown
export RUSTUP_TOOLCHAIN=$TOOLCHAIN
cargo xtask versions --tag "$TAG"
cargo xtask packages
cargo xtask dist --verify
# Beside the archives, not one of them: the text of the release's page.
cargo xtask notes >dist/NOTES.md
