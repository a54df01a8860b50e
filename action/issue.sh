#!/usr/bin/env bash
# Keeps one issue up to date with the last run over the whole suite: opened when something is flaky or broken, written
# anew every time, closed when all is stable. It is found by its label, its author and a mark in its text, so that an
# issue of somebody else is never touched.
set -euo pipefail

readonly MARK='<!-- flaky:issue -->'
# Of 65,536 that an issue holds, leaving room for what stands around it.
readonly MOST_CHARACTERS=60000
# Who speaks by the token of a job: https://docs.github.com/en/actions/concepts/security/github_token
readonly AUTHOR='github-actions[bot]'

fail() {
    printf '::error title=flaky::%s\n' "$1"
    exit 20
}

# Calls the API: method, path, and the body on standard input. The token goes by a file descriptor, so that it stands in
# no list of processes. What opens an issue is not repeated: it may have been heard, and then there would be two.
api() {
    local method=$1 path=$2 retries=3
    if [[ $method == POST ]]; then retries=0; fi
    curl --fail --silent --show-error --max-time 60 --retry "$retries" \
        --request "$method" --data-binary @- \
        --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
        --header 'Content-Type: application/json' --user-agent flaky-action \
        --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
        "${GITHUB_API_URL:?}/repos/${GITHUB_REPOSITORY:?}/$path"
}

# The same for reading, without a body.
look() {
    curl --fail --silent --show-error --max-time 60 --retry 3 --get \
        --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
        --user-agent flaky-action \
        --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
        "$@" "${GITHUB_API_URL:?}/repos/${GITHUB_REPOSITORY:?}/issues"
}

# The open issue that is ours: its number and, on a line of their own, its labels as JSON. Nothing where there is none; the
# oldest, should there be several.
ours() {
    look --data-urlencode "labels=$IN_LABEL" --data-urlencode "creator=$AUTHOR" \
        --data state=open --data sort=created --data direction=asc --data per_page=100 |
        jq -r --arg mark "$MARK" \
            'map(select(.pull_request == null and (.body // "" | startswith($mark)))) | min_by(.number) // empty
            | .number, (.labels | map(.name) | tojson)'
}

# What the issue says: the mark, the report as far as there is room (whole lines of it), and where it comes from. Labels that
# somebody gave it stay.
document() {
    jq -Rs --arg mark "$MARK" --argjson most "$MOST_CHARACTERS" --arg title "$IN_TITLE" --arg kind "$IN_LABEL" \
        --argjson labels "${labels:-[]}" --arg verdict "$IN_VERDICT" --arg run "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID" '
        (if length > $most
         then (.[:$most] | split("\n")[:-1] | join("\n")) + "\n\n(The report is longer: the rest is in the run.)"
         else . end) as $report
        | { title: $title,
            labels: ($labels - ["flaky", "broken"] + [$kind, $verdict] | unique),
            body: "\($mark)\n\($report)\n\n[The run that found this](\($run))" }' \
        <"$IN_FILE"
}

[[ -n ${GITHUB_TOKEN:-} ]] || fail "an issue needs a token that may write issues"
found=$(ours) || fail "issues cannot be read: the job needs the permission issues: write"
{ read -r number && read -r labels; } <<<"$found" || true

case "$IN_VERDICT" in
    flaky | broken)
        [[ -f $IN_FILE ]] || fail "there is no file $IN_FILE to put into the issue"
        text=$(document) || fail "$IN_FILE cannot be put into the issue"
        if [[ -n $number ]]; then
            api PATCH "issues/$number" <<<"$text" >/dev/null || fail "issue $number cannot be written"
            echo "issue $number is up to date"
        else
            api POST issues <<<"$text" | jq -r '"issue \(.number) is open"' || fail "an issue cannot be opened"
        fi
        ;;
    stable)
        if [[ -n $number ]]; then
            echo '{"state": "closed", "state_reason": "completed"}' | api PATCH "issues/$number" >/dev/null ||
                fail "issue $number cannot be closed"
            echo "issue $number is closed: all tests were stable"
        fi
        ;;
    inconclusive)
        # What could not be found out neither opens nor closes anything.
        echo "::warning title=flaky::the run was inconclusive: the issue stays as it is"
        ;;
    *) fail "there is no verdict: the run before has to tell one" ;;
esac
