#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing, builds and runs every test through ctest, headless.
# --all adds what CI checks too: formatting, warnings as errors, and the core tests under AddressSanitizer and
# UndefinedBehaviorSanitizer. --thread runs the core tests under ThreadSanitizer, --tidy runs clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."
. resources/setup/install_missing.sh
all=${1:-}
if command -v apt-get >/dev/null; then
    install_missing resources/setup/packages.txt
    [ -z "$all" ] || install_missing resources/setup/packages_checks.txt
fi
export QT_QPA_PLATFORM=offscreen

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

run_preset() { # preset targets...
    step "building $1"
    cmake --preset "$1" ${werror:-} >/dev/null
    ninja -C "build/$1" --quiet "${@:2}"
    step "testing $1"
    ctest --preset "$1" -j "$(nproc)"
}

if [ "$all" = --all ]; then
    werror=-DATTNSCOPE_WERROR=ON
    step "formatting"
    find app core gpu tests ui -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | xargs clang-format --dry-run --Werror
fi
case "$all" in
--thread) run_preset dev-tsan attnscope-core-tests ;;
--tidy)
    cmake --preset release >/dev/null
    # GCC's own warning options are unknown to clang.
    find core app/cli -name '*.cpp' |
        xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2>/dev/null
    ;;
*) run_preset release all ;;
esac
if [ "$all" = --all ]; then
    run_preset dev-asan attnscope-cli attnscope-core-tests attnscope-cli-tests attnscope-gpu-tests
fi
step "done"
