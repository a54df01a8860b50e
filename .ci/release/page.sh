#!/usr/bin/env bash
# Makes the release's page: notes from the changelog, all files, the images by digest. It is public only when it is whole.
#
#   .ci/release/page.sh v1.2.3 FOLDER           with the artifacts of the other jobs, a folder each
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly TAG=${1:?which tag?} FOLDER=${2:?which folder?}
readonly DIST=$FOLDER/files

notes=$(mktemp)
{
    cat "$DIST/NOTES.md"
    # shellcheck disable=SC2016 # backticks of Markdown
    printf '\n### Worker\n\nImages, by variant:\n\n```text\n'
    cat "$FOLDER"/image-*/image-*.txt
    # shellcheck disable=SC2016
    printf '```\n\n### Verify\n\n```sh\ngh attestation verify FILE --repo flaky-rs/flaky\nsha256sum --check --ignore-missing SHA256SUMS\n```\n'
} >"$notes"
(cd "$DIST" && sha256sum --check --quiet --strict SHA256SUMS)
rm "$DIST/NOTES.md"
gh release create "$TAG" --draft --verify-tag --title "$TAG" --notes-file "$notes" "$DIST"/*
gh release edit "$TAG" --draft=false --latest
