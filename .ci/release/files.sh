#!/usr/bin/env bash
# Puts what the jobs of a release made into one folder, with the sums of all of it.
#
#   .ci/release/files.sh FROM INTO                 FROM holds the artifacts of the jobs, a folder each
set -euo pipefail
readonly FROM=${1:?from which folder?} INTO=${2:?into which folder?}

(cd "$FROM/dist" && sha256sum --check --quiet --strict SHA256SUMS)
mkdir "$INTO"
cp "$FROM"/dist/* "$INTO/"
for archive in "$FROM"/macos-*/*; do
    [[ ! -e $INTO/${archive##*/} ]] || { echo "$archive: made twice" >&2; exit 1; }
    cp "$archive" "$INTO/"
done
cd "$INTO"
# The text of the release's page is no file of the release.
sums=$(find . -type f ! -name SHA256SUMS ! -name NOTES.md -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum)
printf '%s\n' "$sums" >SHA256SUMS
