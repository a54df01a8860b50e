#!/usr/bin/env bash
# Builds or publishes the SDK of one language. Publishing is by the workflow's identity: nobody keeps a token of a registry.
#
#   .ci/release/sdk.sh rust|python|javascript build|publish
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case "${1:-} ${2:-}" in
    "rust build") cargo package --locked --no-verify --package flaky-plugin-sdk ;;
    "rust publish") cargo publish --locked --package flaky-plugin-sdk ;;
    # Publishing is the next step of the workflow: an action of the registry's own.
    "python build") python3 -m pip wheel --no-deps --wheel-dir wheel sdks/python ;;
    "javascript build") (cd sdks/javascript && npm pack --dry-run) ;;
    "javascript publish")
        # The npm of the runner may be older than publishing without a token.
        npm exec --yes --package=npm@11 -- npm publish ./sdks/javascript --access public --provenance
        ;;
    *)
        echo "usage: .ci/release/sdk.sh rust|python|javascript build|publish" >&2
        exit 2
        ;;
esac
