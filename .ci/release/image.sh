#!/usr/bin/env bash
# Builds the worker's image of one variant from the released program, pushes it, and says its digest.
#
#   .ci/release/image.sh python v1.2.3          with `dist` from .ci/release/archives.sh
#
# PUSH=no builds alone. REGISTRY_TOKEN is a token of the registry; nothing but `docker login` sees it, on its standard input.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly VARIANT=${1:?which variant?} TAG=${2:?which tag?}
readonly VERSION=${TAG#v} NAME=ghcr.io/flaky-rs/flaky-worker
readonly ARCHIVE=dist/flaky-worker-$VERSION-x86_64-unknown-linux-musl.tar.gz

(cd dist && grep -F "  ${ARCHIVE#dist/}" SHA256SUMS | sha256sum --check --quiet --strict -)
tar -xzf "$ARCHIVE" -C dist --no-same-owner flaky-worker
image=$NAME:$VERSION-$VARIANT
docker build --platform linux/amd64 --build-arg VARIANT="$VARIANT" --build-arg BINARY=prebuilt --tag "$image" .
[[ ${PUSH:-yes} == yes ]] || exit 0

docker login ghcr.io --username "${GITHUB_ACTOR:?}" --password-stdin <<<"${REGISTRY_TOKEN:?}"
docker push "$image"
reference=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")
docker logout ghcr.io
printf 'digest=%s\n' "${reference#*@}" >>"${GITHUB_OUTPUT:-/dev/stdout}"
printf '%s  %s\n' "$VARIANT" "$reference" >"image-$VARIANT.txt"
