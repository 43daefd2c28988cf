#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Flies over the map of a 100,000-token text in a real window: its pictures at four zooms, the frame times of panning, peak memory.
#
#   resources/benchmarks/long_map.sh build/release/bin/attnscope OUT_DIR
#
# Needs Xvfb, openbox, xdotool, ImageMagick and GNU time; opens a display of its own and touches no settings of yours.
set -euo pipefail
[ $# -eq 2 ] || { sed -n 3,7p "$0" >&2; exit 2; }
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
export XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data XDG_CACHE_HOME=$work/cache QT_QPA_PLATFORM=xcb
patience=${PATIENCE:-90} # seconds for the exact overview

for _ in 1 2 3 4 5; do cat "$root/resources/samples/hamlet_opening.txt"; echo; done >"$work/hamlet_five_times.txt"

exec {number}<> <(:)
Xvfb -displayfd "$number" -screen 0 1440x900x24 >/dev/null 2>&1 &
server=$!
read -r -t 10 -u "$number" display
export DISPLAY=:$display
openbox >/dev/null 2>&1 &
manager=$!
trap 'kill $manager $server 2>/dev/null || true; rm -rf "$work"' EXIT

command time -f '{"peakKiB": %M, "seconds": %e}' -o "$out/long_map_memory.json" \
    "$program" --frame-times "$out/frame_times.json" "$work/hamlet_five_times.txt" 2>/dev/null &
started=$!
for _ in $(seq 60); do
    window=$(xdotool search --onlyvisible --name hamlet_five_times || true)
    [ -n "$window" ] && break
    sleep 0.5
done
xdotool windowmove "$window" 0 0 windowsize "$window" 1440 900
sleep 2

picture() { import -window root -colors 160 -define png:compression-level=9 "png8:$out/$1.png"; }
scroll() { for _ in $(seq "$1"); do xdotool click "$2"; sleep 0.05; done; }
# There and back along a line from the pointer, a step each 16 ms, as a hand would drag the map.
drag() {
    local x=$1 y=$2 dx=$3 dy=$4 i
    xdotool mousemove "$x" "$y" mousedown 1
    for i in $(seq 60) $(seq 59 -1 0); do
        xdotool mousemove $((x + dx * i)) $((y + dy * i))
        sleep 0.016
    done
    xdotool mouseup 1
}

xdotool key alt+1 # the layout Inspect: one large map, text and row
sleep 2
xdotool key ctrl+f && sleep 0.5 && xdotool type river && sleep 1
sleep "$patience"
picture long_map_1
xdotool mousemove 830 320 && scroll 10 4 && sleep 8
picture long_map_2
drag 830 320 3 2
xdotool mousemove 830 320 && scroll 9 4 && sleep 3
drag 830 320 -3 -2
xdotool mousemove 830 320 && scroll 19 5 && sleep 1
drag 700 200 2 2
xdotool key Home && sleep 1
xdotool key ctrl+j && sleep 0.5 && xdotool type "dew of yon high" && xdotool key Return && sleep 4
picture long_map_3
drag 830 320 -2 -2
xdotool mousemove 896 338 && scroll 13 4 && sleep 3
picture long_map_4
drag 830 320 2 1
xdotool key ctrl+shift+p && sleep 1 && xdotool type "frame times" && sleep 0.5 && xdotool key Return && sleep 2
frames=$(xdotool search --onlyvisible --name 'Frame times' | tail -1)
import -window "$frames" -colors 64 "png8:$out/frame_times.png"
xdotool key --window "$frames" Escape || true
xdotool windowclose "$frames" || true
sleep 1
xdotool windowactivate --sync "$window" key ctrl+q
wait "$started"
cat "$out/long_map_memory.json"
