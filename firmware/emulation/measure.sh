#!/usr/bin/env bash
# Instructions that the arm64 build executes for each packet, and to start: the same on every machine, however loaded.
#
# Needs `make build cross`, the root of the emulated suite, gcc, and qemu-user (the static build of QEMU loads no plugin).
# A packet's share is the difference of two captures' runs, so that start and end are not in it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")
qemu=$(command -v "${QEMU:-qemu-aarch64}") || { echo "qemu-aarch64 is missing: apt-get install qemu-user" >&2; exit 1; }
scenario=$repository/.venv/bin/teiten-scenario
[[ -x $scenario ]] || { echo "no teiten-scenario yet: make build" >&2; exit 1; }
package=$(ls "$CARGO_TARGET_DIR"/cross/dist/teiten-agent_*_arm64.deb 2>/dev/null) || { echo "no arm64 package yet: make cross" >&2; exit 1; }
"$here/root.sh"
root=$CARGO_TARGET_DIR/emulation/root
work=$CARGO_TARGET_DIR/emulation/measure
mkdir -p "$work"
rm -rf "$root/usr/lib/teiten-agent"
dpkg-deb -x "$package" "$root"
# As the package's installation does it: modules are compiled once, not at every start.
python3 -m compileall -q -s "$root" -p / "$root/usr/lib/teiten-agent" "$root/usr/lib/python3" "$root/usr/lib/python3.11" || true
gcc -O2 -shared -fPIC -o "$work/instructions.so" "$here/instructions.c"

# instructions PYTHON-CODE WORD...: how many a program takes.
instructions() {
  PYTHONPATH=$root/usr/lib/teiten-agent PYTHONDONTWRITEBYTECODE=1 "$qemu" -cpu cortex-a53 -L "$root" \
    -plugin "$work/instructions.so" -d plugin "$root/usr/bin/python3" -c "$@" 2>&1 >/dev/null |
    sed -n 's/^instructions: //p'
}

[[ $(python3 -c 'import sys; print(sys.version_info[:2] == (3, 11))') == True ]] ||
  { echo "measuring needs Python 3.11 as python3, to compile modules for the root's" >&2; exit 1; }
few=100000
many=300000
for mix in "new:1" "repeated:1000"; do
  for packets in $few $many; do
    "$scenario" flood --packets "$packets" --sources $((packets / ${mix#*:})) --output "$work/${mix%:*}-$packets.pcap" >/dev/null
  done
done
count='import sys
from teiten_agent import _core
observer, capture = _core.Observer(interval_seconds=0, table_megabytes=64), _core.Capture(sys.argv[1])
while not capture.exhausted:
    observer.advance(capture)
observer.finish()'
walk='import sys
from teiten_agent import _core
_core.Capture(sys.argv[1]).walk()'
share() { # NAME CODE MIX
  local less more
  less=$(instructions "$2" "$work/$3-$few.pcap")
  more=$(instructions "$2" "$work/$3-$many.pcap")
  printf '%-52s %12d\n' "$1" $(((more - less) / (many - few)))
}
echo "arm64 (Cortex-A53, QEMU user emulation), $(basename "$package")"
printf '%-52s %12s\n' "" instructions
share "a packet, walk without counting" "$walk" new
share "a packet, counted, each a new tuple" "$count" new
share "a packet, counted, few sources" "$count" repeated
python=$(instructions 'pass')
for start in "teiten_agent.cli" "teiten_agent.service"; do
  printf '%-52s %12d\n' "start: import $start (Python itself: $((python / 1000000)) M)" "$(instructions "import $start")"
done
