#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing, builds Attnscope and opens it: ./app/run.sh [FILE...]; --build only sets up and builds.
# Without a display the bundled session is rendered to out/.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
callers_dir=${OLDPWD:-$root}
. resources/setup/install_missing.sh
if command -v apt-get >/dev/null; then
    install_missing resources/setup/packages.txt
fi

[ -f build/release/build.ninja ] || cmake --preset release >build-release.log 2>&1 || { cat build-release.log; exit 1; }
rm -f build-release.log
[ -t 1 ] && quiet="" || quiet=--quiet # a first build takes minutes: show its progress to a person
# shellcheck disable=SC2086
ninja -C build/release $quiet attnscope attnscope-cli

if [ "${1:-}" = --build ]; then
    echo "Built build/release/bin/attnscope and build/release/bin/attnscope-cli."
    exit 0
fi
cd "$callers_dir"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "${QT_QPA_PLATFORM:-}" = offscreen ]; then
    exec "$root/build/release/bin/attnscope" "$@"
fi
echo "There is no display: rendering the bundled session instead."
"$root/build/release/bin/attnscope" --export "$root/resources/samples/example_session.json" --out "$root/out"
