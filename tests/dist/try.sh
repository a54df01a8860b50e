#!/usr/bin/env bash
# Installs from a folder as `cargo xtask dist` leaves it, by install.sh, and finds the flaky and the broken test of
# examples/python with what was installed. Needs Python with `venv`, curl and tar.
#
#   tests/dist/try.sh [FOLDER]                  default: dist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly DIST=${1:-dist}

work=$(mktemp -d)
mkdir -p "$work/site/latest" "$work/home"
ln -s "$(realpath "$DIST")" "$work/site/latest/download"
python3 -c '
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()' "$work/site" >"$work/port" 2>"$work/log" &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
until [[ -s $work/port ]]; do
    kill -0 "$server" || exit 1
done

export HOME=$work/home FLAKY_STATE_DIR=$work/state FLAKY_CACHE_DIR=$work/cache
unset XDG_DATA_HOME FLAKY_INSTALL_DIR
FLAKY_RELEASES=http://127.0.0.1:$(<"$work/port") sh install.sh
flaky=$HOME/.local/bin/flaky
"$flaky" doctor
status=0
"$flaky" run examples/python --report json="$work/report.json" || status=$?
[[ $status -eq 11 ]] || { echo "examples/python has a broken test: expected exit code 11, got $status" >&2; exit 1; }
sh install.sh --uninstall
[[ ! -e $flaky ]]
