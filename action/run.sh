#!/usr/bin/env bash
# Calls flaky with what the action's inputs say. Everything from outside comes in by the environment and goes on as one
# argument: `--name=value`, so that no value is taken for an option, and no text for a piece of shell.
set -euo pipefail
set -f # a `*` in an input is a `*`

fail() {
    printf '::error title=flaky::%s\n' "$1"
    exit 2
}

arguments=()

# Adds `--name=value` where there is a value.
option() {
    if [[ -n $2 ]]; then arguments+=("--$1=$2"); fi
}

# Lets processes without rights have name spaces of their own: Ubuntu's runners forbid it, and that is what keeps attempts
# apart. It changes the runner until the end of the job.
allow_user_namespaces() {
    local switch=kernel.apparmor_restrict_unprivileged_userns
    if [[ $(sysctl -n "$switch" 2>/dev/null || true) != 1 ]]; then return; fi
    sudo -n sysctl -q -w "$switch=0" ||
        echo "::warning title=flaky::user namespaces cannot be allowed here: attempts are kept apart less"
}

isolation() {
    case "$IN_ISOLATION" in
        auto | '') ;;
        copy) option isolation copy ;;
        sudo) allow_user_namespaces ;;
        *) fail "isolation is auto, sudo or copy" ;;
    esac
}

# What every mode has: where it is told, and what is written. The report as JSON is always written.
results() {
    local name line
    for name in ${IN_TO//,/ }; do arguments+=("--to=$name"); done
    report="${RUNNER_TEMP:?}/flaky-report.json"
    while IFS= read -r line; do
        if [[ -z ${line//[[:space:]]/} ]]; then continue; fi
        line="${line#"${line%%[![:space:]]*}"}"
        line="${line%"${line##*[![:space:]]}"}"
        if [[ $line == json=* ]]; then report=${line#json=}; else arguments+=("--report=$line"); fi
    done <<<"$IN_REPORT"
    arguments+=("--report=json=$report")
}

expectations() {
    if [[ -z $IN_EXPECT_REPO$IN_EXPECT_SHA$IN_EXPECT_RUN ]]; then return; fi
    # All three or none: what is left out would not be checked.
    [[ -n $IN_EXPECT_REPO && -n $IN_EXPECT_SHA && -n $IN_EXPECT_RUN ]] ||
        fail "an untrusted report is held against expect-repo, expect-sha and expect-run: one is empty"
    arguments+=(--untrusted)
    option expect-repo "$IN_EXPECT_REPO"
    option expect-sha "$IN_EXPECT_SHA"
    option expect-run "$IN_EXPECT_RUN"
}

case "$IN_MODE" in
    run)
        arguments+=(run)
        option test-command "$IN_COMMAND"
        option runs "$IN_RUNS"
        option parallelism "$IN_PARALLELISM"
        option budget "$IN_BUDGET"
        option base "$IN_BASE"
        option fail-on "$IN_FAIL_ON"
        option config "$IN_CONFIG"
        isolation
        ;;
    ci)
        arguments+=(ci)
        option config "$IN_CONFIG"
        ;;
    report)
        [[ -n $IN_FILE ]] || fail "mode report needs a file"
        arguments+=(report)
        expectations
        ;;
    *) fail "mode is run, ci, report, issue or install" ;;
esac
results
# Last, and after `--`: a path is not an option either.
if [[ $IN_MODE == report ]]; then arguments+=(-- "$IN_FILE"); fi

# An empty token is none. It is for the API alone, and is not handed on to tests: flaky withholds it from them.
if [[ -z ${GITHUB_TOKEN:-} ]]; then unset GITHUB_TOKEN; fi

cd -- "$IN_WORKING_DIRECTORY"
status=0
flaky "${arguments[@]}" || status=$?
# Also when it says that tests fail: later steps want to keep the report.
if [[ -f $report ]]; then printf 'report=%s\n' "$(realpath -- "$report")" >>"${GITHUB_OUTPUT:?}"; fi
exit "$status"
