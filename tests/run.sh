#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing, builds and runs every test through ctest, headless.
# --all is what CI checks: formatting, warnings as errors, every test, the core and command-line tests under AddressSanitizer and
# UndefinedBehaviorSanitizer, the core tests that use threads under ThreadSanitizer, and clang-tidy; --thread and --tidy are these
# last two alone.
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

# Warnings are errors in the release build alone: under the sanitizers' instrumentation GCC warns of overlaps that aren't there.
run_preset() { # preset targets...
    step "building $1"
    cmake --preset "$1" -DATTNSCOPE_WERROR="$([ "$all$1" = --allrelease ] && echo ON || echo OFF)" >/dev/null
    ninja -C "build/$1" --quiet "${@:2}"
    step "testing $1"
    ctest --preset "$1" -j "$(nproc)"
}

if [ "$all" = --all ]; then
    step "formatting"
    find app core gpu tests ui -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | xargs clang-format --dry-run --Werror
fi

run_tidy() {
    step "clang-tidy"
    cmake --preset tidy >/dev/null
    # GCC's own warning options are unknown to clang. Only the findings are printed, neither colours nor each file's command.
    run-clang-tidy -p build/tidy -j "$(nproc)" -quiet -extra-arg=-Wno-unknown-warning-option "^$PWD/(core|gpu|app|ui)/.*\.cpp$" \
        2>/dev/null | sed 's/\x1b\[[0-9;]*m//g; /^[^ ]*clang-tidy[^ ]* -/d; /^$/d'
}

case "$all" in
--thread) run_preset dev-tsan attnscope-core-tests ;;
--tidy) run_tidy ;;
--all)
    run_preset release all
    run_preset dev-asan attnscope-cli attnscope-core-tests attnscope-cli-tests attnscope-gpu-tests
    run_preset dev-tsan attnscope-core-tests
    run_tidy
    ;;
*) run_preset release all ;;
esac
step "done"
